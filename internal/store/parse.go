package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"tocsin/internal/event"
)

// Names of metadata around or in an event.
const (
	metaIndex  = "_index"
	metaID     = "_id"
	metaSource = "_source"
)

// parsed is one good line.
type parsed struct {
	// index and id are "" where the line names none.
	index, id string
	source    map[string]any
	// form says how the source stands in the line.
	form form
}

type form int

const (
	// bare: the line is the source.
	bare form = iota
	// mixed: the line is the source with metadata among its fields.
	mixed
	// wrapped: the source stands in the line under its own name.
	wrapped
)

// parse reads one line as an event. The fault says why it is none.
func parse(text []byte) (parsed, *fault) {
	object, err := decode(text)
	if err != nil {
		return parsed{}, findFault(text, err)
	}
	p := parsed{source: object}
	if source, ok := wrappedSource(object); ok {
		p.source, p.form = source, wrapped
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
		if p.form != wrapped {
			p.form = mixed
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

// decode reads exactly one JSON object; numbers keep their text.
func decode(text []byte) (map[string]any, error) {
	if !utf8.Valid(text) {
		return nil, errNotUTF8
	}
	return event.DecodeObject(text) //nolint:wrapcheck // it says what it was doing
}

// rawSource returns the source as the line writes it. Where metadata stands among its fields, it
// is written anew without that.
func (p parsed) rawSource(text []byte) (json.RawMessage, error) {
	if p.form == bare {
		return bytes.TrimSpace(text), nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, fmt.Errorf("decode JSON: %w", err)
	}
	if p.form == wrapped {
		return members[metaSource], nil
	}
	delete(members, metaIndex)
	delete(members, metaID)
	return encode(members)
}

// encode writes JSON without escaping what HTML would mind.
func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return nil, fmt.Errorf("encode JSON: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// indexOr returns the index that the event belongs to; fallback when neither the line nor its
// data stream fields name one.
func (p parsed) indexOr(fallback string) string {
	if p.index != "" {
		return p.index
	}
	parts := make([]string, 0, 3)
	for _, part := range []string{"type", "dataset", "namespace"} {
		name := event.First(p.source, "data_stream."+part)
		if name == "" {
			return fallback
		}
		parts = append(parts, name)
	}
	return strings.Join(parts, "-")
}

// identity returns the event's id: its own, or that of its content.
func (p parsed) identity() string {
	if p.id != "" {
		return p.id
	}
	return contentID(p.source)
}
