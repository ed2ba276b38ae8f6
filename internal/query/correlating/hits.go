package correlating

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// hit is an event of a leaf: when it was, where it is, and what its columns have.
type hit struct {
	at     int64
	ref    event.Ref
	values [][]string
	// event is the event itself, in executions that could not read it again.
	event *event.Event
}

// compare orders hits by time, those of one time by where they are.
func (h *hit) compare(o *hit) int {
	return cmp.Or(cmp.Compare(h.at, o.at), strings.Compare(h.ref.Index, o.ref.Index), strings.Compare(h.ref.ID, o.ref.ID))
}

// sizeOf estimates the memory of hits in bytes.
func sizeOf(hits []hit) int64 {
	size := int64(0)
	for i := range hits {
		size += 120 + int64(len(hits[i].ref.ID))
		for _, column := range hits[i].values {
			size += 24
			for _, v := range column {
				size += 16 + int64(len(v))
			}
		}
	}
	return size
}

// reader reads columns of events.
type reader struct {
	columns []Column
	fields  mapping.Fields
	names   map[string][]string
	// texts has each text once, as long as there are not too many.
	texts map[string]string
}

// mostTexts bounds the texts that a reader remembers.
const mostTexts = 100_000

func newReader(columns []Column, fields mapping.Fields) *reader {
	return &reader{columns, fields, map[string][]string{}, map[string]string{}}
}

// once returns a text that is not a part of a larger one, and mostly the same memory for equal texts.
func (r *reader) once(text string) string {
	known, ok := r.texts[text]
	if !ok {
		known = strings.Clone(text)
		if len(r.texts) < mostTexts {
			r.texts[known] = known
		}
	}
	return known
}

// read reduces an event to a hit; false if it has no time.
func (r *reader) read(e *event.Event, timeField string) (hit, bool, error) {
	doc, err := e.Document()
	if err != nil {
		return hit{}, false, err //nolint:wrapcheck // it names the event
	}
	times := doc.Values(mapping.Field{Name: timeField, Path: timeField, Type: mapping.Date})
	if len(times) == 0 {
		return hit{}, false, nil
	}
	h := hit{at: times[0].Time.UnixNano(), ref: e.Ref()}
	h.ref.Index, h.ref.ID = r.once(h.ref.Index), strings.Clone(h.ref.ID)
	own := e.Types
	if own == nil {
		own = mapping.OfIndex(r.fields, e.Index)
	}
	values := func(field string) []string { return r.values(doc, e, own, field) }
	h.values = make([][]string, len(r.columns))
	for i, c := range r.columns {
		h.values[i] = r.unique(c.Texts(values))
	}
	return h, true, nil
}

// unique returns each text once.
func (r *reader) unique(texts []string) []string {
	if len(texts) == 0 {
		return nil
	}
	out := make([]string, 0, 1)
	for _, t := range texts {
		if !slices.Contains(out, t) {
			out = append(out, r.once(t))
		}
	}
	return out
}

// values are the texts that an event has at a field: as they were sent, but for fields whose values no source has.
func (r *reader) values(doc *event.Document, e *event.Event, own mapping.Fields, field string) []string {
	if strings.Contains(field, "*") {
		var out []string
		for _, name := range r.like(field) {
			out = append(out, r.values(doc, e, own, name)...)
		}
		return out
	}
	path := field
	if f, mapped := own.Field(field); mapped {
		if f.Constant != nil {
			return []string{*f.Constant}
		}
		if f.Unsourced != "" {
			return texts(e.Fields[field])
		}
		path = f.Source()
	}
	return texts(event.Lookup(doc.Source, path))
}

// like are the fields of the mapping with a name of the form of one with stars.
func (r *reader) like(pattern string) []string {
	known, ok := r.names[pattern]
	if !ok {
		known = condition.NamesLike(r.fields, pattern)
		r.names[pattern] = known
	}
	return known
}

// texts writes values as texts; nulls are none.
func texts(values []any) []string {
	var out []string
	for _, v := range values {
		text, ok := mapping.ScalarText(v)
		switch {
		case ok:
			out = append(out, text)
		case v != nil:
			out = append(out, fmt.Sprint(v))
		}
	}
	return out
}
