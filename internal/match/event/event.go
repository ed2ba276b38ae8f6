package event

import (
	"encoding/json"
	"fmt"

	"tocsin/internal/match/mapping"
)

// Event is one document of an index.
type Event struct {
	Index string
	ID    string
	// Source is the document as JSON, a single object.
	Source json.RawMessage
	// Fields holds values that Elasticsearch computed (the "fields" of a search), by field name. They replace
	// the values of the source for these names.
	Fields map[string][]any
	// Types is the mapping of the event's own index; nil if it is unknown. The document's values are read by
	// it ([Document.Values]).
	Types mapping.Fields
}

// Ref is the index and id of a document, by which it can be read again.
type Ref struct{ Index, ID string }

// Ref returns the event's current location; see [Key] for its permanent identity.
func (e *Event) Ref() Ref { return Ref{e.Index, e.ID} }

// Document decodes the source. Numbers keep their text.
func (e *Event) Document() (*Document, error) {
	source, err := DecodeObject(e.Source)
	if err != nil {
		return nil, fmt.Errorf("source of %s/%s: %w", e.Index, e.ID, err)
	}
	return &Document{Source: source, fields: e.Fields, types: e.Types, index: e.Index, id: e.ID}, nil
}

// Key identifies an event, whichever index it is found in: the data stream or rollover series of its index,
// and its id.
type Key struct{ Series, ID string }
