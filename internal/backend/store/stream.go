package store

import (
	"fmt"
	"strings"

	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// streamFields name the index of an event without metadata.
var streamFields = search.StreamFields()

// streamOf returns the index that the fields of a source name, or else fallback. The first of
// several values counts.
func streamOf(source map[string]any, fallback string) string {
	parts := make([]string, len(streamFields))
	for i, f := range streamFields {
		if parts[i] = event.First(source, f.Name); parts[i] == "" {
			return fallback
		}
	}
	return strings.Join(parts, "-")
}

// indexNamer determines the indices of events. It is for one goroutine at a time.
type indexNamer struct {
	fallback string
	// known holds the names, so that each is in memory once.
	known map[string]string
	text  []byte
}

func newIndexNamer(fallback string) *indexNamer {
	return &indexNamer{fallback: fallback, known: map[string]string{}}
}

// name returns an interned copy of a name.
func (n *indexNamer) name(text []byte) string {
	if known, ok := n.known[string(text)]; ok {
		return known
	}
	name := string(text)
	n.known[name] = name
	return name
}

// stream returns [streamOf] for a source that a view has read.
func (n *indexNamer) stream(view *event.View, source []byte) (string, error) {
	n.text = n.text[:0]
	for i, f := range streamFields {
		values := view.Values(f)
		switch {
		case len(values) > 1: // In a view they have no order.
			object, err := event.DecodeObject(source)
			if err != nil {
				return "", fmt.Errorf("index of an event: %w", err)
			}
			return streamOf(object, n.fallback), nil
		case len(values) == 0 || values[0].String == "":
			return n.fallback, nil
		case i > 0:
			n.text = append(n.text, '-')
		}
		n.text = append(n.text, values[0].String...)
	}
	return n.name(n.text), nil
}
