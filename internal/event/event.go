package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
)

// Event is one document of an index.
type Event struct {
	Index string
	ID    string
	// Source is the document as JSON, a single object.
	Source json.RawMessage
	// Fields holds values that Elasticsearch computed from the index (the "fields" of a search),
	// by field name; they take precedence over the source. Nil where none were asked for.
	Fields map[string][]any
}

// Document decodes the source. Numbers keep the text they were written in.
func (e *Event) Document() (*Document, error) {
	source, err := decodeObject(e.Source)
	if err != nil {
		return nil, fmt.Errorf("source of %s/%s: %w", e.Index, e.ID, err)
	}
	return &Document{Source: source, fields: e.Fields}, nil
}

// Key names the event independently of the index that holds it just now: a data stream's backing
// index and a rolled-over index count as the stream or series they belong to.
func (e *Event) Key() Key { return Key{Series: Series(e.Index), ID: e.ID} }

// Key is the identity of an event within a cluster.
type Key struct{ Series, ID string }

// backingSuffix is what rollover appends: a six-digit counter, and a date before it in the
// backing indices of data streams.
var (
	dataStream = regexp.MustCompile(`^\.(?:ds|fs)-(.+)-\d{4}\.\d{2}\.\d{2}-\d{6}$`)
	rollover   = regexp.MustCompile(`^(.+)-\d{6}$`)
)

// Series returns the name of the data stream or rollover series that an index belongs to, the
// index's own name when it belongs to none. A restored or shrunk copy keeps its prefix: it is
// another index.
func Series(index string) string {
	if m := dataStream.FindStringSubmatch(index); m != nil {
		return m[1]
	}
	if m := rollover.FindStringSubmatch(index); m != nil {
		return m[1]
	}
	return index
}

// decodeObject decodes exactly one JSON object.
func decodeObject(data []byte) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var object map[string]any
	if err := dec.Decode(&object); err != nil {
		return nil, fmt.Errorf("decode JSON: %w", err)
	}
	if object == nil {
		return nil, errors.New("decode JSON: null is not an object")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("decode JSON: more text after the object")
	}
	return object, nil
}
