package alert

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/match/event"
)

// sourceField is where an alert stores its source documents, as far as needed to distinguish them
// from others with the same identity. It is not a field of ECS or Kibana and is not indexed.
const sourceField = "tocsin.source"

// Source identifies the source documents of an alert: its event, or the members of a sequence or
// sample in order. An _id is unique only within an index, and a data stream has many indices:
// alerts about events of two of them may have the same id. The content of the documents
// distinguishes them.
type Source struct {
	// First is the identity from its events' series and ids, if a different alert had it before.
	First string `json:"first,omitempty"`
	// Index and Content are the index of each document and a hash of its content.
	Index   []string `json:"index"`
	Content []string `json:"content"`
}

// Same reports whether two alerts with one identity are about the same documents. Documents of the
// same index are the same, whichever version was seen; documents of different indices are the same
// if their content is.
func (s *Source) Same(other *Source) bool {
	if s == nil || other == nil {
		return true // an alert without a source has another kind of identity than its events'
	}
	if len(s.Index) != len(other.Index) {
		return false
	}
	for i, index := range s.Index {
		if index != other.Index[i] && s.Content[i] != other.Content[i] {
			return false
		}
	}
	return true
}

// Places returns the indices as one text.
func (s *Source) Places() string { return joined(s, func(s *Source) []string { return s.Index }) }

// Contents returns the contents of the documents as one text.
func (s *Source) Contents() string { return joined(s, func(s *Source) []string { return s.Content }) }

func joined(s *Source, of func(*Source) []string) string {
	if s == nil {
		return ""
	}
	return strings.Join(of(s), "\x00")
}

// second returns the identity of an alert whose first identity another alert has.
func (s *Source) second(first string) string {
	return hash(append([]string{identityVersion, first, kindContent}, s.Content...)...)
}

// SourceOf returns the source of an alert, nil if it has none.
func SourceOf(doc Document) (*Source, error) {
	switch s := doc.Source[sourceField].(type) {
	case nil:
		return nil, nil //nolint:nilnil // it has none
	case *Source:
		return s, nil
	default: // read back
		data, err := json.Marshal(s)
		if err != nil {
			return nil, err //nolint:wrapcheck // it was read from JSON
		}
		return parseSource(data)
	}
}

// identity returns the identity of a new alert; first is the identity from its events' series and
// ids.
func (s *Source) identity(first string, run Run) string {
	if s == nil || !run.Second {
		return first
	}
	return s.second(first)
}

// put stores the source in an alert. Alerts of different documents with one identity belong to one
// instance.
func (s *Source) put(doc Document, first string) {
	if s == nil {
		return
	}
	if doc.ID != first {
		s.First = first
		doc.Source["kibana.alert.instance.id"] = first
	}
	doc.Source[sourceField] = s
}

// ReadSource is [SourceOf] for an alert as JSON.
func ReadSource(text []byte) (*Source, error) {
	var doc struct {
		Source json.RawMessage `json:"tocsin.source"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("read %s: %w", sourceField, err)
	}
	if len(doc.Source) == 0 || string(doc.Source) == "null" {
		return nil, nil //nolint:nilnil // it has none
	}
	s, err := parseSource(doc.Source)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", sourceField, err)
	}
	return s, nil
}

func parseSource(data []byte) (*Source, error) {
	var s Source
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, err //nolint:wrapcheck // the caller names the alert
	}
	if len(s.Index) != len(s.Content) {
		return nil, errSource
	}
	return &s, nil
}

// sourceOf returns the source of an alert about these events; nil if no event has an id.
func sourceOf(events []event.Event, sources []map[string]any) *Source {
	s := &Source{}
	for i, e := range events {
		if e.ID == "" {
			return nil
		}
		s.Index = append(s.Index, e.Index)
		s.Content = append(s.Content, content(e, sources[i]))
	}
	return s
}

// member is what the building block of the n-th document keeps.
func (s *Source) member(n int) *Source {
	if s == nil {
		return nil
	}
	return &Source{Index: s.Index[n : n+1], Content: s.Content[n : n+1]}
}

// content hashes the content of an event without its ingest time: an event that was sent again
// after a rollover is the same. If the source cannot be parsed, the content cannot be compared, and
// the index decides.
func content(e event.Event, source map[string]any) string {
	if len(source) == 0 {
		return event.Content(map[string]any{"_index": e.Index})
	}
	return event.Content(withoutIngested(source))
}

func withoutIngested(source map[string]any) map[string]any {
	out := make(map[string]any, len(source))
	for name, value := range source {
		switch name {
		case "event.ingested":
		case "event":
			out[name] = withoutMember(value, "ingested")
		default:
			out[name] = value
		}
	}
	return out
}

// withoutMember copies an object, or each object of a list, without a member.
func withoutMember(v any, member string) any {
	switch v := v.(type) {
	case map[string]any:
		if _, has := v[member]; !has {
			return v
		}
		out := make(map[string]any, len(v))
		for name, value := range v {
			if name != member {
				out[name] = value
			}
		}
		return out
	case []any:
		list := slices.Clone(v)
		for i := range list {
			list[i] = withoutMember(list[i], member)
		}
		return list
	}
	return v
}
