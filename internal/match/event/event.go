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
	// Fields holds values that Elasticsearch computed from the index (the "fields" of a search), by
	// field name. Of the names in it, it answers alone; what else is asked for is read from the source.
	Fields map[string][]any
	// Types says how the event's own index maps its fields; nil where nobody knows. Values of the
	// document are read by it ([Document.Values]).
	Types mapping.Fields
}

// Ref says where a document is: it can be fetched again by it.
type Ref struct{ Index, ID string }

// Ref returns where the event is just now; see [Key] for what it is known by for good.
func (e *Event) Ref() Ref { return Ref{e.Index, e.ID} }

// Document decodes the source. Numbers keep the text they were written in.
func (e *Event) Document() (*Document, error) {
	source, err := DecodeObject(e.Source)
	if err != nil {
		return nil, fmt.Errorf("source of %s/%s: %w", e.Index, e.ID, err)
	}
	return &Document{Source: source, fields: e.Fields, types: e.Types, index: e.Index, id: e.ID}, nil
}

// Key is what an event is known by, whichever index it is found in: the data stream or rollover series that its index
// belongs to, and its id.
type Key struct{ Series, ID string }
