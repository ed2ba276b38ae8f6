package event

import (
	"slices"

	"tocsin/internal/match/mapping"
)

// Document is a decoded event. It caches look-ups, so it is not safe for concurrent use.
type Document struct {
	// Source is the decoded source; it is shared and must not be changed.
	Source map[string]any

	// fields replace the values of the source for the names in it.
	fields map[string][]any
	// types is the mapping of the document's index; nil if it is unknown.
	types  mapping.Fields
	index  string
	id     string
	values map[string]lookedUp
}

// lookedUp is a cached look-up, with its field, as rules may see one name differently.
type lookedUp struct {
	field  mapping.Field
	values []mapping.Value
}

// NewDocument returns the document of a source that was decoded with json.Number for numbers.
func NewDocument(source map[string]any) *Document { return &Document{Source: source} }

// Values returns the indexed values of a field; empty if the document lacks it. Arrays of any depth count as
// their elements, as in Elasticsearch. A field below a nested object has no values, as conditions on the
// whole document do not see them; a flattened field has the values of all its keys. The restrictions of
// [mapping.Field.InMemory] are not checked.
//
// If the mapping of the document's index is known, only the name of f is used.
func (d *Document) Values(f mapping.Field) []mapping.Value {
	f, ok := d.Own(f)
	if !ok {
		return nil
	}
	if f.Nested != "" {
		return nil
	}
	if f.Constant != nil {
		return []mapping.Value{{String: *f.Constant}}
	}
	known, looked := d.values[f.Name]
	if looked && known.field.SameValues(f) {
		return known.values
	}
	var values []mapping.Value
	for _, raw := range d.raw(f) {
		if v, ok := f.Index(raw); ok {
			values = append(values, v)
		}
	}
	if d.values == nil {
		d.values = map[string]lookedUp{}
	}
	d.values[f.Name] = lookedUp{f, values}
	return values
}

// Intervals returns the indexed values of a range field, from the source: the fields of a search do not show
// how a date was written. unread are the values that are not ranges.
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
	if f.IsMetadata() {
		return metadata(f.Type, d.index, d.id)
	}
	if f.Type == mapping.SourceText {
		if f.IsWhole() {
			return below(nil, d.Source, "")
		}
		return Lookup(d.Source, f.Source())
	}
	whole := f.Type == mapping.Flattened && !f.Keyed
	if values, answered := d.fields[f.Name]; answered && !ofSource(f) {
		if whole {
			return below(nil, values, "")
		}
		return values
	}
	if whole {
		return below(nil, d.Source, f.Source())
	}
	values := Lookup(d.Source, f.Source())
	for _, from := range f.Copied {
		values = append(values, slices.DeleteFunc(Lookup(d.Source, from), func(v any) bool { return v == nil })...)
	}
	return values
}

// ofSource reports whether only a source has what is asked of a field: what a search shows beside it is what its
// index has.
func ofSource(f mapping.Field) bool { return f.Type == mapping.SourceText || f.LeftOut }

// Own returns a field as mapped by the document's index; false if the index does not map it.
func (d *Document) Own(f mapping.Field) (mapping.Field, bool) {
	if d.types == nil || f.IsMetadata() || f.Type == mapping.SourceText {
		return f, true
	}
	own, ok := d.types.Field(f.Name)
	own.LeftOut = f.LeftOut
	return own, ok
}

// Index returns the name of the document's index; "" if it is unknown.
func (d *Document) Index() string { return d.index }

// metadata returns the values of a metadata field of an event; none if they are unknown.
func metadata(t mapping.Type, index, id string) []any {
	var values []any
	for _, value := range metadataTexts(t, index, id) {
		if value != "" {
			values = append(values, value)
		}
	}
	return values
}

// metadataTexts returns the texts of those values, "" for a missing one. A backing index also has the name of
// its data stream.
func metadataTexts(t mapping.Type, index, id string) [2]string {
	if t == mapping.DocumentID {
		return [2]string{id}
	}
	if stream := DataStream(index); stream != "" {
		return [2]string{index, stream}
	}
	return [2]string{index}
}

// HasObject reports whether there is a value at or below a name, as exists does on an object whose members
// are all mapped. Otherwise, test each of [mapping.Field.Members].
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

// AnyObject implements [tocsin/internal/match/condition.Document].
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
