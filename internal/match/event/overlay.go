package event

import (
	"maps"
	"strings"
)

// Put sets the value at a dotted name and removes all spellings of its previous value. Existing objects are
// entered, missing ones created; if a scalar or a list is on the path, the rest of the name becomes one
// dotted key beside it. The source is changed; objects within it are copied first.
func Put(source map[string]any, name string, value any) {
	remove(source, name)
	put(source, name, value)
}

func put(object map[string]any, name string, value any) {
	for i := len(name) - 1; i > 0; i-- { // the longest key with an object
		if name[i] != '.' {
			continue
		}
		if inner, ok := object[name[:i]].(map[string]any); ok {
			put(inner, name[i+1:], value)
			return
		}
	}
	top, rest, dotted := strings.Cut(name, ".")
	if _, taken := object[top]; !dotted || taken || rest == "" || top == "" {
		object[name] = value
		return
	}
	inner := map[string]any{}
	object[top] = inner
	put(inner, rest, value)
}

// remove removes the values at a name, in lists of objects too.
func remove(object map[string]any, name string) {
	delete(object, name)
	for i := range len(name) {
		if name[i] != '.' {
			continue
		}
		if inner, ok := object[name[:i]]; ok {
			object[name[:i]] = removed(inner, name[i+1:])
		}
	}
}

func removed(node any, name string) any {
	switch v := node.(type) {
	case map[string]any:
		v = maps.Clone(v)
		remove(v, name)
		return v
	case []any:
		list := make([]any, len(v))
		for i, element := range v {
			list[i] = removed(element, name)
		}
		return list
	}
	return node
}
