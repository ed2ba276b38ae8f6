package search

import (
	"context"
	"iter"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// Locator is an Events that knows the indices of hits.
type Locator interface {
	// Locate returns a test for the index names of hits of the patterns. It is valid for the indices that
	// exist now.
	Locate(ctx context.Context, patterns []string) (func(index string) bool, error)
}

// Slicer is an Events that can read one search in several parts concurrently.
type Slicer interface {
	// SearchSlices is Search in as many parts as there are visitors, each called from its own goroutine; hits
	// are in no order. Every hit is in exactly one part. Pages and their sources are valid until visit
	// returns: the memory is reused. The Result covers all parts. If the Slicer is an [Identifier] that
	// derives ids from contents, hits have no id.
	SearchSlices(ctx context.Context, r Request, visits []Visit) (Result, error)
}

// Viewer is a [Slicer] that reads each event once, for itself and for the caller.
type Viewer interface {
	// ViewSlices is SearchSlices with a Sight for each part.
	ViewSlices(ctx context.Context, r Request, sights []Sight) (Result, error)
}

// Sight receives hits while they are read.
type Sight interface {
	// View returns the view that reads the next events. The Sight owns it; the reader must not use it after
	// the read. Its selection should have the fields of the request's window and [StreamFields], otherwise
	// every event is decoded for them.
	View() *event.View
	// See receives the hits that the view has read, one after the other: each is valid, and shown by the
	// view, until the next one.
	See(hits iter.Seq[*event.Event]) error
}

// StreamFields returns the fields that name an event's data stream, in order.
func StreamFields() []mapping.Field {
	return []mapping.Field{
		{Name: "data_stream.type", Type: mapping.Keyword}, {Name: "data_stream.dataset", Type: mapping.Keyword}, {Name: "data_stream.namespace", Type: mapping.Keyword},
	}
}

// Identifier is a [Slicer] that leaves out ids that are expensive to derive, as most events of a read are not
// hits.
type Identifier interface {
	// Identify sets the id of a hit of SearchSlices, if it has none.
	Identify(e *event.Event) error
}

// Snapshotter is an Events that can resolve its indices and mappings once for many searches.
type Snapshotter interface {
	// Snapshot returns the same Events as of one moment: results of Resolve and Locate are reused as long as
	// nothing has changed.
	Snapshot(ctx context.Context) (Events, error)
}

// Confirmer is an Events that can check afterwards whether its answers were complete.
type Confirmer interface {
	// Confirm returns the places that were readable when Resolve was called and are not any more: searches
	// since then may have missed their events.
	Confirm(ctx context.Context) ([]Unread, error)
}

// Multi is an Events that can answer the first pages of several searches in one request.
type Multi interface {
	// FirstPages returns the first page of each request, in their order. The failure of one does not affect
	// the others.
	FirstPages(ctx context.Context, requests []Request) []FirstPage
}

// FirstPage is the first page of the hits of one search.
type FirstPage struct {
	Events []event.Event
	Result Result
	// Err is why the page is missing or incomplete.
	Err error
}

// Counter is an Events that can count the hits of a search without reading them.
type Counter interface {
	// Count returns the number of events that the request matches.
	Count(ctx context.Context, r Request) (int64, error)
}

// As returns the implementation of T by events, or by the Events that it wraps.
func As[T any](events Events) (T, bool) {
	for {
		if t, ok := events.(T); ok {
			return t, true
		}
		before, ok := events.(interface{ Unwrap() Events })
		if !ok {
			var none T
			return none, false
		}
		events = before.Unwrap()
	}
}
