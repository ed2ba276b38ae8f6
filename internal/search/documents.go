package search

import (
	"context"

	"tocsin/internal/event"
)

// Documents is an [Events] that also finds documents by where they are.
type Documents interface {
	// Documents returns those of the given places that are still there, in no particular order. It is
	// for some thousands at a time: all of them are held in memory.
	Documents(ctx context.Context, refs []event.Ref) ([]event.Event, error)
}
