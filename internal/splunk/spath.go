package splunk

import (
	"tocsin/internal/translate/spl"
)

// document parses JSON or XML.
func document(s string) (any, bool) {
	if v, ok := readJSON(s); ok {
		return v, true
	}
	if e, ok := readXML(s); ok {
		return e, true
	}
	return nil, false
}

// spather extracts values from JSON or XML.
func spather(c *spl.Spath) func(Row) {
	return func(row Row) {
		var documents []any
		for _, x := range fieldOrRaw(row, c.Input).Each() {
			if d, ok := document(x.String()); ok {
				documents = append(documents, d)
			}
		}
		if c.Path == "" {
			found := Row{}
			for _, d := range documents {
				flattenPaths(found, "", d)
			}
			for name, v := range found {
				row.set(name, v)
			}
			return
		}
		var values []any
		for _, d := range documents {
			values = append(values, walkPath(d, c.Path)...)
		}
		if v := textsOf(values); !v.IsNull() {
			row.set(c.Output, v)
		} else if len(documents) == 0 && c.Input == "_raw" {
			// The event was parsed before: the path is a field name.
			if v := row.Get(c.Path); !v.IsNull() {
				row.set(c.Output, v)
			}
		}
	}
}

// flattenPaths is Flatten with spath's names: {} after arrays, {@name} for XML attributes.
func flattenPaths(row Row, name string, v any) {
	prefix := name
	if name != "" {
		prefix += "."
	}
	switch v := v.(type) {
	case *object:
		for _, key := range v.names {
			flattenPaths(row, prefix+key, v.members[key])
		}
	case []any:
		for _, m := range v {
			flattenPaths(row, name+"{}", m)
		}
	case *element:
		for _, a := range v.attributes {
			row.add(name+"{@"+a.name+"}", Text(a.value))
		}
		for _, e := range v.inner {
			flattenPaths(row, prefix+e.name, e)
		}
		if len(v.inner) == 0 && (v.text != "" || len(v.attributes) == 0) {
			row.add(name, Text(v.text))
		}
	default:
		if name == "" {
			name = "{}"
		}
		row.add(name, Text(jsonText(v)))
	}
}
