package search

import (
	"context"

	"tocsin/internal/match/event"
)

// Ref is the place of a document.
type Ref = event.Ref

// Documents is an [Events] that also finds documents by where they are.
type Documents interface {
	// Documents returns the documents of the given places; those that are there no more are left out.
	// It is for some thousands at a time: all of them are held in memory.
	Documents(ctx context.Context, refs []Ref) (map[Ref]event.Event, error)
}
