package event

import "strings"

// Object returns the values below a dotted name as one object, in any spelling of the source; of a list, it
// returns the first object. It is nil if there is none. The members are shared with the source and must not
// be changed.
func Object(source map[string]any, name string) map[string]any {
	var out map[string]any
	add := func(key string, value any) {
		if out == nil {
			out = map[string]any{}
		}
		if _, twice := out[key]; !twice {
			out[key] = value
		}
	}
	if objects := Objects(source, name); len(objects) > 0 {
		for key, value := range objects[0] {
			add(key, value)
		}
	}
	collect(source, name, add)
	return out
}

// collect finds the keys that are longer than the name: below "a", the key "a.b".
func collect(object map[string]any, name string, add func(string, any)) {
	for key, value := range object {
		if rest, longer := strings.CutPrefix(key, name+"."); longer {
			add(rest, value)
			continue
		}
		if rest, within := strings.CutPrefix(name, key+"."); within {
			if inner, ok := firstObject(value); ok {
				collect(inner, rest, add)
			}
		}
	}
}

func firstObject(value any) (map[string]any, bool) {
	switch v := value.(type) {
	case map[string]any:
		return v, true
	case []any:
		for _, element := range v {
			if object, ok := firstObject(element); ok {
				return object, true
			}
		}
	}
	return nil, false
}
