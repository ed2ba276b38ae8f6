package store

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"tocsin/internal/condition"
	"tocsin/internal/event"
	"tocsin/internal/mapping"
	"tocsin/internal/search"
)

// look reads lines for a search: no more of them than the search asks for. It is for one goroutine
// at a time.
type look struct {
	scan     *scan
	view     *event.View
	matching *condition.Matching
}

// streamNames are the fields that name the index of an event without metadata.
var streamNames = []string{"data_stream.type", "data_stream.dataset", "data_stream.namespace"}

// newSelection is what the searches of a scan read: what the condition asks for, under the numbers that
// it has there, then what the order goes by, then what names the index.
func newSelection(set *condition.Set, by search.Ordering) *event.Selection {
	fields := slices.Clone(set.Fields())
	fields = append(fields, by.Fields()...)
	return event.NewSelection(append(fields, streamFields()...), set.Objects())
}

func streamFields() []mapping.Field {
	fields := make([]mapping.Field, len(streamNames))
	for i, name := range streamNames {
		fields[i] = streamField(name)
	}
	return fields
}

func streamField(name string) mapping.Field { return mapping.Field{Name: name, Type: mapping.Keyword} }

// line reports whether a line is an event, and whether it is a hit; then at is its place.
func (l *look) line(text []byte) (good, isHit bool, at search.Place) {
	index, source, ok := unwrapLine(text)
	if ok && l.scan.only == nil && l.view.Read(source) == nil {
		if index == "" {
			index, ok = streamIndex(l.view, l.scan.events.options.Index)
		}
		if ok {
			if !l.scan.covers(index) || !l.matches(l.view) {
				return true, false, at
			}
			return true, true, l.scan.ordering.Of(l.view)
		}
	}
	return l.whole(text)
}

// whole reads a line as [parse] does, which knows every form that a line can have.
func (l *look) whole(text []byte) (good, isHit bool, at search.Place) {
	p, f := parse(text)
	if f != nil {
		return false, false, at
	}
	index := p.indexOr(l.scan.events.options.Index)
	if only := l.scan.only; !l.scan.covers(index) || only != nil && !only[event.Ref{Index: index, ID: p.identity()}] {
		return true, false, at
	}
	doc := event.NewDocument(p.source)
	if !l.matches(l.scan.set.Of(doc)) {
		return true, false, at
	}
	return true, true, l.scan.ordering.Of(doc)
}

func (l *look) matches(d condition.Columns) bool { return len(l.matching.Match(d, nil)) > 0 }

// streamIndex is what [parsed.indexOr] says of an event without metadata. It is false where a name has
// several values, of which the first counts.
func streamIndex(view *event.View, fallback string) (string, bool) {
	parts := make([]string, len(streamNames))
	for i, name := range streamNames {
		values := view.Values(streamField(name))
		if len(values) > 1 {
			return "", false
		}
		if len(values) == 0 || values[0].String == "" {
			return fallback, true
		}
		parts[i] = values[0].String
	}
	return strings.Join(parts, "-"), true
}

// unwrapLine finds the source in a line, and the index that stands around it. It is false of lines that are
// no events, and of those that have metadata among their fields.
func unwrapLine(text []byte) (index string, source []byte, ok bool) {
	switch {
	case !utf8.Valid(text):
		return "", nil, false
	case !bytes.Contains(text, []byte(`"_`)) && !bytes.Contains(text, []byte(`"\u`)):
		return "", text, true // No name begins with an underscore, however it is written.
	}
	members, around, plain := map[string][]byte{}, true, true
	c := event.NewCursor(text)
	c.Members(func(key []byte) {
		around = around && bytes.HasPrefix(key, []byte("_"))
		switch name := string(key); name {
		case metaIndex, metaID, metaSource:
			value := c.Value()
			plain = plain && members[name] == nil && !bytes.ContainsAny(value[:min(len(value), 1)], "[tfn")
			members[name] = value
		}
	})
	name, id := members[metaIndex], members[metaID]
	switch {
	case !c.Whole() || !plain || !isPlainText(name) || !isPlainText(id):
		return "", nil, false
	case around && members[metaSource] != nil && members[metaSource][0] == '{':
		return string(bytes.Trim(name, `"`)), members[metaSource], true
	}
	return "", text, name == nil && id == nil
}

// isPlainText reports whether a value of JSON is a string without escapes, or missing.
func isPlainText(value []byte) bool {
	return len(value) == 0 || value[0] == '"' && bytes.IndexByte(value, '\\') < 0
}

// event makes an event of the line of a hit of one read of many searches: without the values that a
// request wants besides the source.
func (l *look) event(text []byte) (event.Event, error) {
	p, fault := parse(text)
	if fault != nil {
		return event.Event{}, errChanged
	}
	source, err := p.rawSource(text)
	return event.Event{Index: p.indexOr(l.scan.events.options.Index), ID: p.identity(), Source: source}, err
}
