package alert

import "maps"

// Changed returns the fields of the document with those of Set, each in the spelling that the document has for it. The
// document itself stays as it was.
func (d Document) Changed() map[string]any {
	out := maps.Clone(d.Source)
	if out == nil {
		out = map[string]any{}
	}
	for name, value := range d.Set {
		set(out, pathOf(d.Source, name), value)
	}
	return out
}

// Partial returns Set as a part of the document, each field in the spelling that the document has for it: a second
// spelling of a field would be a second value.
func (d Document) Partial() map[string]any {
	out := map[string]any{}
	for name, value := range d.Set {
		set(out, pathOf(d.Source, name), value)
	}
	return out
}

// set sets a value in copies of the objects on its path.
func set(object map[string]any, path []string, value any) {
	for _, key := range path[:len(path)-1] {
		below, _ := object[key].(map[string]any)
		if below = maps.Clone(below); below == nil {
			below = map[string]any{}
		}
		object[key] = below
		object = below
	}
	object[path[len(path)-1]] = value
}

// pathOf returns the keys under which an object has a dotted name; the name itself if it does not have it.
func pathOf(object map[string]any, name string) []string {
	if path := keysOf(object, name); path != nil {
		return path
	}
	return []string{name}
}

func keysOf(object map[string]any, name string) []string {
	if _, has := object[name]; has {
		return []string{name}
	}
	for i, c := range name {
		if c != '.' {
			continue
		}
		below, isObject := object[name[:i]].(map[string]any)
		if !isObject {
			continue
		}
		if rest := keysOf(below, name[i+1:]); rest != nil {
			return append([]string{name[:i]}, rest...)
		}
	}
	return nil
}
