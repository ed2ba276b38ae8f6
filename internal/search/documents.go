package search

import (
	"context"

	"tocsin/internal/match/event"
)

// Ref is the place of a document.
type Ref = event.Ref

// Documents is an [Events] that also reads documents by index and id.
type Documents interface {
	// Documents returns the given documents; it leaves out documents that no longer exist. All of them are held in
	// memory, so it is for a few thousand at a time.
	Documents(ctx context.Context, refs []Ref) (map[Ref]event.Event, error)
}
