package store

import (
	"errors"
	"strings"
	"unicode/utf8"

	"tocsin/internal/match/event"
)

// Names of metadata around or in an event.
const (
	metaIndex  = "_index"
	metaID     = "_id"
	metaSource = "_source"
)

// parsed is one valid line.
type parsed struct {
	// index and id are "" if the line has none.
	index, id string
	source    map[string]any
}

// parse decodes one line as an event. The fault is why it is not one. [cutter] must split lines in
// the same way.
func parse(text []byte) (parsed, *fault) {
	object, err := decode(text)
	if err != nil {
		return parsed{}, findFault(text, err)
	}
	p := parsed{source: object}
	source, wrapped := wrappedSource(object)
	if wrapped {
		p.source = source
	}
	for _, meta := range []struct {
		name string
		to   *string
	}{{metaIndex, &p.index}, {metaID, &p.id}} {
		value, found := object[meta.name]
		if !found {
			continue
		}
		name, ok := value.(string)
		if !ok {
			return parsed{}, memberFault(text, meta.name)
		}
		*meta.to = name
		if !wrapped {
			delete(p.source, meta.name)
		}
	}
	return p, nil
}

// wrappedSource returns the source of a line that is metadata around one.
func wrappedSource(object map[string]any) (map[string]any, bool) {
	source, ok := object[metaSource].(map[string]any)
	if !ok {
		return nil, false
	}
	for name := range object {
		if !strings.HasPrefix(name, "_") {
			return nil, false
		}
	}
	return source, true
}

var errNotUTF8 = errors.New("not UTF-8")

// decode parses exactly one JSON object; numbers keep their text.
func decode(text []byte) (map[string]any, error) {
	if !utf8.Valid(text) {
		return nil, errNotUTF8
	}
	return event.DecodeObject(text) //nolint:wrapcheck // the error names the operation
}

// indexOr returns the index of the event; fallback when neither the line nor its data stream fields
// name one.
func (p parsed) indexOr(fallback string) string {
	if p.index != "" {
		return p.index
	}
	return streamOf(p.source, fallback)
}
