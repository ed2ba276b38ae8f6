package event

import (
	"strings"

	"tocsin/internal/match/mapping"
)

// Lookup returns the scalars and nulls at a dotted name, in any spelling: nested objects, dotted keys, or a
// mixture; if a name occurs in two spellings, it has the values of both. Objects at the name itself are left
// out.
func Lookup(source map[string]any, name string) []any {
	return find(nil, source, name, false)
}

// First returns the first scalar at a dotted name as text; "" if there is none.
func First(source map[string]any, name string) string {
	for _, v := range Lookup(source, name) {
		if text, ok := mapping.ScalarText(v); ok {
			return text
		}
	}
	return ""
}

// Objects returns the objects at a dotted name.
func Objects(source map[string]any, name string) []map[string]any {
	var out []map[string]any
	for _, v := range find(nil, source, name, true) {
		if object, ok := v.(map[string]any); ok {
			out = append(out, object)
		}
	}
	return out
}

// find appends to out the values at name below node. An object at the name itself counts only if objects is
// set.
func find(out []any, node any, name string, objects bool) []any {
	switch v := node.(type) {
	case []any:
		for _, element := range v {
			out = find(out, element, name, objects)
		}
		return out
	case map[string]any:
		if name == "" {
			if objects {
				return append(out, v)
			}
			return out
		}
		return findIn(out, v, name, objects)
	default:
		if name == "" {
			return append(out, node)
		}
		return out
	}
}

// findIn tries every spelling of the name's beginning as one key of the object.
func findIn(out []any, object map[string]any, name string, objects bool) []any {
	if v, ok := object[name]; ok {
		out = find(out, v, "", objects)
	}
	for i := range len(name) - 1 {
		if name[i] != '.' {
			continue
		}
		if v, ok := object[name[:i]]; ok {
			out = find(out, v, name[i+1:], objects)
		}
	}
	return out
}

// nestedObjects appends to out the objects that Elasticsearch makes of a nested field. Each dotted key below
// its name is a separate object.
func nestedObjects(out []map[string]any, node any, name string) []map[string]any {
	switch v := node.(type) {
	case []any:
		for _, element := range v {
			out = nestedObjects(out, element, name)
		}
	case map[string]any:
		if name == "" {
			return append(out, v)
		}
		for key, member := range v {
			if rest, within := strings.CutPrefix(name, key+"."); within {
				out = nestedObjects(out, member, rest)
			} else if key == name {
				out = nestedObjects(out, member, "")
			} else if rest, under := strings.CutPrefix(key, name+"."); under {
				out = append(out, map[string]any{rest: member})
			}
		}
	}
	return out
}

// below appends to out every scalar and null at a name and below it, including dotted keys: "a.b" is below
// "a". The name "" stands for everything.
func below(out []any, node any, name string) []any {
	switch v := node.(type) {
	case []any:
		for _, element := range v {
			out = below(out, element, name)
		}
	case map[string]any:
		for key, member := range v {
			rest, within := strings.CutPrefix(name, key+".")
			switch {
			case within:
				out = below(out, member, rest)
			case name == "", key == name, strings.HasPrefix(key, name+"."):
				out = below(out, member, "")
			}
		}
	default:
		if name == "" {
			return append(out, node)
		}
	}
	return out
}
