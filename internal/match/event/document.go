package event

import (
	"slices"

	"tocsin/internal/match/mapping"
)

// Document is a decoded event. It is not safe for concurrent use: it remembers what it looked up.
type Document struct {
	// Source is the decoded source; it is shared, not to be changed.
	Source map[string]any

	// fields answer in place of the source for the names in them.
	fields map[string][]any
	// types is how the document's index maps its fields, nil where nobody knows.
	types  mapping.Fields
	index  string
	id     string
	values map[string]lookedUp
}

// lookedUp is what was found for a field: the field too, as rules may see one name differently.
type lookedUp struct {
	field  mapping.Field
	values []mapping.Value
}

// NewDocument makes a document of a source decoded with json.Number for numbers.
func NewDocument(source map[string]any) *Document { return &Document{Source: source} }

// Values returns the indexed values of a field; empty when the document lacks it. Arrays of any
// depth count as their elements, as they do in Elasticsearch. A field below a nested object has no
// values, as conditions on the whole document do not see them; all keys of a flattened field are
// its values. What [mapping.Field.InMemory] warns of is not looked at.
//
// Where it is known how the document's index maps fields, f only names the one that is read.
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

// Own returns a field as the document's index maps it; false when the index does not map it.
func (d *Document) Own(f mapping.Field) (mapping.Field, bool) {
	if d.types == nil || f.IsMetadata() || f.Type == mapping.SourceText {
		return f, true
	}
	own, ok := d.types.Field(f.Name)
	own.LeftOut = f.LeftOut
	return own, ok
}

// Index returns the name of the index that the document is of, "" where nobody knows.
func (d *Document) Index() string { return d.index }

// metadata are the values of a field of metadata of an event; none where nobody knows them.
func metadata(t mapping.Type, index, id string) []any {
	var values []any
	for _, value := range metadataTexts(t, index, id) {
		if value != "" {
			values = append(values, value)
		}
	}
	return values
}

// metadataTexts are the texts of those values, "" for one that is not there. A backing index is also
// known by the name of its data stream.
func metadataTexts(t mapping.Type, index, id string) [2]string {
	if t == mapping.DocumentID {
		return [2]string{id}
	}
	if stream := DataStream(index); stream != "" {
		return [2]string{index, stream}
	}
	return [2]string{index}
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
