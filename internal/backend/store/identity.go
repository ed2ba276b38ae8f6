package store

import (
	"fmt"

	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

var _ search.Identifier = (*Events)(nil)

// Identify gives an event without an id the id of its content.
func (*Events) Identify(e *event.Event) error { return identify(e) }

func identify(e *event.Event) error {
	if e.ID != "" {
		return nil
	}
	source, err := event.DecodeObject(e.Source)
	if err != nil {
		return fmt.Errorf("id of an event: %w", err)
	}
	e.ID = event.Content(source)
	return nil
}
