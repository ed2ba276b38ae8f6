package event

import (
	"tocsin/internal/mapping"
)

// Document is a decoded event. It is not safe for concurrent use: it remembers what it looked up.
type Document struct {
	// Source is the decoded source; it is shared, not to be changed.
	Source map[string]any

	fields map[string][]any
	values map[string]looked
}

// looked is what was found for a field: the field too, as rules may see one name differently.
type looked struct {
	field  mapping.Field
	values []mapping.Value
}

// NewDocument makes a document of a source decoded with json.Number for numbers.
func NewDocument(source map[string]any) *Document { return &Document{Source: source} }

// Values returns the indexed values of a field; empty when the document lacks it. Arrays of any
// depth count as their elements, as they do in Elasticsearch. A field below a nested object has no
// values, as conditions on the whole document do not see them; all keys of a flattened field are
// its values. What [mapping.Field.InMemory] warns of is not looked at.
func (d *Document) Values(f mapping.Field) []mapping.Value {
	if f.Nested != "" {
		return nil
	}
	if f.Constant != nil {
		return []mapping.Value{{String: *f.Constant}}
	}
	known, ok := d.values[f.Name]
	if ok && known.field.SameValues(f) {
		return known.values
	}
	var values []mapping.Value
	for _, raw := range d.raw(f) {
		if v, ok := f.Index(raw); ok {
			values = append(values, v)
		}
	}
	if d.values == nil {
		d.values = map[string]looked{}
	}
	d.values[f.Name] = looked{f, values}
	return values
}

// Intervals returns the indexed values of a field of ranges, as the source has them: what a search shows
// beside it leaves out how a date was written. It returns unread, too: values that are none.
func (d *Document) Intervals(f mapping.Field) (read []mapping.Interval, unread []any) {
	if f.Nested != "" {
		return nil, nil
	}
	raws := find(nil, d.Source, f.Source(), true)
	if raws == nil {
		raws = d.fields[f.Name]
	}
	for _, raw := range raws {
		if raw == nil {
			continue
		}
		if i, ok := f.Interval(raw); ok {
			read = append(read, i)
		} else {
			unread = append(unread, raw)
		}
	}
	return read, unread
}

func (d *Document) raw(f mapping.Field) []any {
	whole := f.Type == mapping.Flattened && !f.Keyed
	if d.fields != nil && whole {
		return below(nil, d.fields[f.Name], "")
	}
	if d.fields != nil {
		return d.fields[f.Name]
	}
	if whole {
		return below(nil, d.Source, f.Source())
	}
	return Lookup(d.Source, f.Source())
}

// HasObject reports whether any value stands at or below a name, as exists does on an object whose
// members are all mapped. Where they are not, ask for each of [mapping.Field.Members].
func (d *Document) HasObject(name string) bool {
	if len(d.fields[name]) > 0 {
		return true
	}
	for _, v := range below(nil, d.Source, name) {
		if v != nil {
			return true
		}
	}
	return false
}

// AnyObject implements [tocsin/internal/condition.Document].
func (d *Document) AnyObject(name string, holds func() bool) bool {
	whole := *d
	defer func() { *d = whole }()
	for _, object := range nestedObjects(nil, whole.Source, name) {
		*d = Document{Source: map[string]any{name: object}}
		if holds() {
			return true
		}
	}
	return false
}
