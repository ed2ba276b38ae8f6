package splunk

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Row is an event or a result: its fields by name. Null fields are not in the map.
type Row map[string]Value

// Native returns the row as JSON types.
func (r Row) Native() map[string]any {
	out := make(map[string]any, len(r))
	for k, v := range r {
		out[k] = v.Native()
	}
	return out
}

// Get returns the value of a field. Splunk writes {} after array names; events do not have it, so such a name is
// also looked up without it.
func (r Row) Get(name string) Value {
	v, ok := r[name]
	if !ok && strings.Contains(name, "{}") {
		v = r[strings.ReplaceAll(name, "{}", "")]
	}
	return v
}

// key returns the name under which the row has the field.
func (r Row) key(name string) string {
	if _, ok := r[name]; !ok && strings.Contains(name, "{}") {
		if bare := strings.ReplaceAll(name, "{}", ""); !r[bare].IsNull() {
			return bare
		}
	}
	return name
}

// set sets a field; null removes it.
func (r Row) set(name string, v Value) {
	if v.IsNull() {
		delete(r, name)
		return
	}
	r[name] = v.stored()
}

func (r Row) size() int {
	n := 48
	for k, v := range r {
		n += len(k) + 32 + v.size()
	}
	return n
}

func (r Row) clone() Row { return maps.Clone(r) }

// Flatten makes a row from a JSON object (decoded with json.Number). Nested objects become dotted names, and
// arrays several values. A null within an array of objects becomes the text null, so that the positions of two
// such fields correspond; any other null is omitted.
func Flatten(object map[string]any) Row {
	row := Row{}
	flattenObject(row, "", object, false)
	return row
}

func flattenObject(row Row, prefix string, object map[string]any, inArray bool) {
	for key, v := range object {
		flattenValue(row, prefix+key, v, inArray)
	}
}

func flattenValue(row Row, name string, v any, inArray bool) {
	switch v := v.(type) {
	case nil:
		if inArray {
			row.add(name, Text("null"))
		}
	case map[string]any:
		flattenObject(row, name+".", v, inArray)
	case []any:
		for _, member := range v {
			if object, ok := member.(map[string]any); ok {
				flattenObject(row, name+".", object, true)
			} else {
				flattenValue(row, name, member, false)
			}
		}
	case string:
		row.add(name, Text(v))
	case bool:
		row.add(name, Text(strconv.FormatBool(v)))
	case json.Number:
		row.add(name, Text(v.String()))
	case float64:
		row.add(name, Number(v))
	case int:
		row.add(name, Number(float64(v)))
	case int64:
		row.add(name, Number(float64(v)))
	}
}

// add appends a value to a field. It changes the field's list in place, so the row must not share lists.
func (r Row) add(name string, v Value) {
	old, ok := r[name]
	if !ok {
		r[name] = v
		return
	}
	list := old.list
	if old.kind != several {
		list = []Value{old}
	}
	r[name] = Value{kind: several, list: append(list, v)}
}

// matching returns the fields of the row that match a pattern, in natural order: a2 before a10. A pattern without
// stars is returned itself, even if the field is missing.
func (r Row) matching(pattern string) []string {
	if !strings.Contains(pattern, "*") {
		return []string{r.key(pattern)}
	}
	names := r.like(pattern)
	if len(names) == 0 && strings.Contains(pattern, "{}") {
		names = r.like(strings.ReplaceAll(pattern, "{}", ""))
	}
	return names
}

func (r Row) like(pattern string) []string {
	var names []string
	for name := range r {
		if _, ok := captures(pattern, name); ok && (name[:1] != "_" || strings.HasPrefix(pattern, "_")) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, compareNatural)
	return names
}

// captures returns the parts of a name that the stars of a pattern match.
func captures(pattern, name string) ([]string, bool) {
	parts := strings.Split(pattern, "*")
	rest, ok := strings.CutPrefix(name, parts[0])
	if !ok {
		return nil, false
	}
	if len(parts) == 1 {
		return nil, rest == ""
	}
	var out []string
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, part)
		if i < 0 {
			return nil, false
		}
		out = append(out, rest[:i])
		rest = rest[i+len(part):]
	}
	last := parts[len(parts)-1]
	if !strings.HasSuffix(rest, last) {
		return nil, false
	}
	return append(out, rest[:len(rest)-len(last)]), true
}

// fill replaces the stars of a pattern with texts.
func fill(pattern string, texts []string) string {
	for _, t := range texts {
		pattern = strings.Replace(pattern, "*", t, 1)
	}
	return pattern
}

// compareNatural compares names, with runs of digits by their number.
func compareNatural(a, b string) int {
	for a != "" && b != "" {
		x, y := digits(a), digits(b)
		if x == 0 || y == 0 {
			if a[0] != b[0] {
				return strings.Compare(a[:1], b[:1])
			}
			a, b = a[1:], b[1:]
			continue
		}
		m, n := strings.TrimLeft(a[:x], "0"), strings.TrimLeft(b[:y], "0")
		if len(m) != len(n) {
			return len(m) - len(n)
		}
		if c := strings.Compare(m, n); c != 0 {
			return c
		}
		a, b = a[x:], b[y:]
	}
	return len(a) - len(b)
}

func digits(s string) int {
	return len(s) - len(strings.TrimLeftFunc(s, func(r rune) bool { return r < unicode.MaxASCII && unicode.IsDigit(r) }))
}
