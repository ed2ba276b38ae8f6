package search

import (
	"context"

	"tocsin/internal/match/event"
)

// Ref is the index and id of a document.
type Ref = event.Ref

// Documents is an [Events] that can also read documents by index and id.
type Documents interface {
	// Documents returns the documents with the given references; missing documents are left out. All are held
	// in memory, so it is for some thousands at a time.
	Documents(ctx context.Context, refs []Ref) (map[Ref]event.Event, error)
}
