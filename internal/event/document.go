package event

import (
	"strings"

	"tocsin/internal/mapping"
)

// Document is a decoded event. It is not safe for concurrent use: it remembers what it looked up.
type Document struct {
	// Source is the decoded source; it is shared, not to be changed.
	Source map[string]any

	fields map[string][]any
	values map[string][]mapping.Value
}

// NewDocument makes a document of a source decoded with json.Number for numbers.
func NewDocument(source map[string]any) *Document { return &Document{Source: source} }

// Values returns the indexed values of a field; empty when the document lacks it. Arrays of any
// depth count as their elements, as they do in Elasticsearch.
func (d *Document) Values(f mapping.Field) []mapping.Value {
	if v, ok := d.values[f.Name]; ok {
		return v
	}
	if f.Constant != nil {
		return []mapping.Value{{String: *f.Constant}}
	}
	var values []mapping.Value
	for _, raw := range d.raw(f) {
		if v, ok := f.Index(raw); ok {
			values = append(values, v)
		}
	}
	if d.values == nil {
		d.values = map[string][]mapping.Value{}
	}
	d.values[f.Name] = values
	return values
}

func (d *Document) raw(f mapping.Field) []any {
	if raw, ok := d.fields[f.Name]; ok {
		return raw
	}
	return Lookup(d.Source, f.Source())
}

// HasObject reports whether any value stands at or below a name, as exists does on an object.
func (d *Document) HasObject(name string) bool {
	return len(d.fields[name]) > 0 || hasValue(find(nil, d.Source, name, true))
}

func hasValue(nodes []any) bool {
	for _, n := range nodes {
		switch v := n.(type) {
		case nil:
		case map[string]any:
			for _, member := range v {
				if hasValue([]any{member}) {
					return true
				}
			}
		case []any:
			if hasValue(v) {
				return true
			}
		default:
			return true
		}
	}
	return false
}

// Lookup returns the scalars and nulls at a dotted name, whichever way the source spells it:
// nested objects, dotted keys, or any mixture. Objects at the name itself are left out.
func Lookup(source map[string]any, name string) []any {
	return find(nil, source, name, false)
}

// First returns the first scalar at a dotted name as text, "" when there is none.
func First(source map[string]any, name string) string {
	for _, v := range Lookup(source, name) {
		if text, ok := mapping.ScalarText(v); ok {
			return text
		}
	}
	return ""
}

// find appends to out what stands at name below node. An object at the name itself counts only
// when objects is set.
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

// findIn tries every way to spell the name's beginning as one key of the object.
func findIn(out []any, object map[string]any, name string, objects bool) []any {
	if v, ok := object[name]; ok {
		out = find(out, v, "", objects)
	}
	for i := strings.IndexByte(name, '.'); i >= 0; {
		if v, ok := object[name[:i]]; ok {
			out = find(out, v, name[i+1:], objects)
		}
		next := strings.IndexByte(name[i+1:], '.')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return out
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
