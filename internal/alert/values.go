package alert

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/mapping"
)

// reading is an event as its mapping sees it.
type reading struct {
	source map[string]any
	doc    *event.Document
	types  mapping.Fields
	// computed are values that Elasticsearch has told, by field; asked are the names that it was asked for.
	computed map[string][]any
	asked    []string
}

// value is one value of a field.
type value struct {
	field mapping.Field
	// key is the same for all spellings of the value, text is how the fields of a search show it.
	key, text string
	// plain is the value in JSON, of the type that the field's values have, as an aggregation shows it.
	plain any
	time  time.Time
}

// field returns how a name is mapped. Where it is not, or nothing is known of it, the field's type is not
// known: what the source has there counts as it looks.
func (r *reading) field(name string) mapping.Field {
	if r.types != nil {
		if f, mapped := r.types.Field(name); mapped {
			return f
		}
	}
	return mapping.Field{Name: name}
}

// unmapped reports whether it is known that the event's index does not map a name.
func (r *reading) unmapped(name string) bool {
	if r.types == nil {
		return false
	}
	_, mapped := r.types.Field(name)
	return !mapped
}

// values returns the values of a field in the order of the source: what its mapping makes of them, what
// Elasticsearch has told where that cannot be known, and else what the source has.
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
	raw, told := r.computed[f.Name]
	if !told && r.computed != nil && slices.Contains(r.asked, name) {
		return nil
	}
	if !told {
		return written(r.source, f.Source())
	}
	var out []value
	for _, v := range raw {
		if w, ok := r.told(f, v); ok {
			out = append(out, w)
		}
	}
	return out
}

// told is a value that Elasticsearch has told.
func (r *reading) told(f mapping.Field, raw any) (value, bool) {
	f.Unsourced = ""
	if f.InMemory() != nil || f.Type.Family() == mapping.FamilyText {
		return looks(raw)
	}
	v, ok := f.Index(raw)
	return indexed(f, v), ok
}

// indexed is a value of a mapped field.
func indexed(f mapping.Field, v mapping.Value) value {
	key := f.Key(v)
	out := value{field: f, key: key, text: key, plain: f.KeyValue(key), time: v.Time}
	if narrow(f) { // shown as it is written, not as it is kept
		out.text = strconv.FormatFloat(v.Number, 'g', -1, 32)
	}
	return out
}

// narrow is true of the fields whose numbers have fewer digits than aggregations show.
func narrow(f mapping.Field) bool { return f.Type == mapping.Float || f.Type == mapping.HalfFloat }

// shown is the value in JSON as the fields of a search show it.
func (v value) shown() any {
	if narrow(v.field) {
		return json.Number(v.text)
	}
	return v.plain
}

// written are the scalars at a name as the source has them.
func written(source map[string]any, name string) []value {
	var out []value
	for _, raw := range event.Lookup(source, name) {
		if v, ok := looks(raw); ok {
			out = append(out, v)
		}
	}
	return out
}

// looks is a value of which nothing is known but how it is written: a number and its text are the same.
func looks(raw any) (value, bool) {
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

// plain is a scalar as text; a whole number looks the same however it is written.
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

// text is the first value of a field that is not empty, as it is shown; "" when there is none.
func (r *reading) text(name string) string {
	for _, v := range r.values(name) {
		if v.text != "" {
			return v.text
		}
	}
	return ""
}

// time is the first time in a field, zero when there is none.
func (r *reading) time(name string) time.Time {
	for _, v := range r.values(name) {
		if !v.time.IsZero() {
			return v.time
		}
	}
	return time.Time{}
}
