package alert

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"time"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// reading is an event as its mapping sees it.
type reading struct {
	source map[string]any
	doc    *event.Document
	types  mapping.Fields
	// computed holds values from Elasticsearch, by field; asked are the names that were requested.
	computed map[string][]any
	asked    []string
}

// value is one value of a field.
type value struct {
	field mapping.Field
	// key is the same for all spellings of the value, text is the value in the fields of a search.
	key, text string
	// plain is the JSON value in the field's type, as an aggregation shows it.
	plain any
	time  time.Time
}

// field returns the mapping of a name. If it is not mapped or not known, the type is unknown: the
// source's value counts as it appears.
func (r *reading) field(name string) mapping.Field {
	if r.types != nil {
		if f, mapped := r.types.Field(name); mapped {
			return f
		}
	}
	return mapping.Field{Name: name}
}

// unmapped reports whether the event's index is known not to map a name.
func (r *reading) unmapped(name string) bool {
	if r.types == nil {
		return false
	}
	_, mapped := r.types.Field(name)
	return !mapped
}

// values returns the values of a field in the order of the source: as mapped; from Elasticsearch if
// they cannot be derived; else as in the source.
func (r *reading) values(name string) []value {
	f := r.field(name)
	switch {
	case f.Type == mapping.Unknown:
		return written(r.source, f.Source())
	case f.Nested != "":
		return nil
	case f.InMemory() == nil, f.IsMetadata():
		var out []value
		for _, v := range r.doc.Values(f) {
			out = append(out, indexed(f, v))
		}
		return out
	}
	raw, known := r.computed[f.Name]
	if !known && r.computed != nil && slices.Contains(r.asked, name) {
		return nil
	}
	if !known {
		return written(r.source, f.Source())
	}
	var out []value
	for _, v := range raw {
		if w, ok := r.computedValue(f, v); ok {
			out = append(out, w)
		}
	}
	return out
}

// computedValue returns a value from Elasticsearch.
func (r *reading) computedValue(f mapping.Field, raw any) (value, bool) {
	f.Unsourced = ""
	if f.InMemory() != nil || f.Type.Family() == mapping.FamilyText {
		return untyped(raw)
	}
	v, ok := f.Index(raw)
	return indexed(f, v), ok
}

// indexed returns a value of a mapped field.
func indexed(f mapping.Field, v mapping.Value) value {
	key := f.Key(v)
	out := value{field: f, key: key, text: key, plain: f.KeyValue(key), time: v.Time}
	if narrow(f) { // shown as written, not in the field's precision
		out.text = strconv.FormatFloat(v.Number, 'g', -1, 32)
	}
	return out
}

// narrow reports whether the field's numbers have fewer digits than aggregations show.
func narrow(f mapping.Field) bool { return f.Type == mapping.Float || f.Type == mapping.HalfFloat }

// shown returns the JSON value as the fields of a search show it.
func (v value) shown() any {
	if narrow(v.field) {
		return json.Number(v.text)
	}
	return v.plain
}

// written returns the scalars at a name as in the source.
func written(source map[string]any, name string) []value {
	var out []value
	for _, raw := range event.Lookup(source, name) {
		if v, ok := untyped(raw); ok {
			out = append(out, v)
		}
	}
	return out
}

// untyped returns a value of unknown type: a number and its text are the same.
func untyped(raw any) (value, bool) {
	key, ok := plain(raw)
	if !ok {
		return value{}, false
	}
	v := value{key: key, plain: raw}
	v.text, _ = mapping.ScalarText(raw)
	if t, _, err := mapping.ParseDate(v.text, ""); err == nil {
		v.time = t
	}
	return v, true
}

// plain returns a scalar as text; a whole number has the same text in all spellings.
func plain(v any) (string, bool) {
	text, ok := mapping.ScalarText(v)
	n, isNumber := v.(json.Number)
	if !isNumber {
		return text, ok
	}
	if f, err := n.Float64(); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return strconv.FormatInt(int64(f), 10), true
	}
	return text, ok
}

// has reports whether a text stands for the value.
func (v value) has(text string) bool {
	if v.field.Type == mapping.Unknown || v.field.Type.Family() == mapping.FamilyText {
		return v.key == text
	}
	other, ok := v.field.Index(text)
	return ok && v.field.Key(other) == v.key
}

// text returns the first value of a field that is not empty, as shown; "" when there is none.
func (r *reading) text(name string) string {
	for _, v := range r.values(name) {
		if v.text != "" {
			return v.text
		}
	}
	return ""
}

// time returns the first time in a field, zero when there is none.
func (r *reading) time(name string) time.Time {
	for _, v := range r.values(name) {
		if !v.time.IsZero() {
			return v.time
		}
	}
	return time.Time{}
}
