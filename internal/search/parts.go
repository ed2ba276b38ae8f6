package search

import (
	"context"
	"iter"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// Locator is an Events that knows which indices the hits of patterns can be in.
type Locator interface {
	// Locate returns a function that reports whether hits of the patterns can be in an index. It is valid for the
	// indices that exist now.
	Locate(ctx context.Context, patterns []string) (func(index string) bool, error)
}

// Slicer is an Events that can read the hits of a search in several parts concurrently.
type Slicer interface {
	// SearchSlices is Search in as many parts as there are visitors. Each visitor is called in a goroutine of its own, and
	// hits come in any order. Every hit is in exactly one part. Pages and their sources are valid until the visitor
	// returns: the memory is reused. The Result is for all parts. Hits of an [Identifier] may lack an id.
	SearchSlices(ctx context.Context, r Request, visits []Visit) (Result, error)
}

// Viewer is a [Slicer] that decodes each event once, for itself and for the caller.
type Viewer interface {
	// ViewSlices is SearchSlices with a Sight for each part.
	ViewSlices(ctx context.Context, r Request, sights []Sight) (Result, error)
}

// Sight receives hits while they are read.
type Sight interface {
	// View returns the view for reading the next events. It belongs to the Sight, and is lent to the Viewer until
	// ViewSlices returns. Its selection should include the fields of the request's window and [StreamFields]; otherwise
	// every event is decoded a second time for them.
	View() *event.View
	// See receives the hits that the view reads, one after the other. Each hit is valid, and the view has its values,
	// until the next hit is requested.
	See(hits iter.Seq[*event.Event]) error
}

// StreamFields returns the fields of an event that form the name of its data stream, in order.
func StreamFields() []mapping.Field {
	return []mapping.Field{
		{Name: "data_stream.type", Type: mapping.Keyword}, {Name: "data_stream.dataset", Type: mapping.Keyword}, {Name: "data_stream.namespace", Type: mapping.Keyword},
	}
}

// Identifier is a [Slicer] that leaves out ids that are expensive to compute, as most events of a scan match nothing.
type Identifier interface {
	// Identify sets the id of a hit of SearchSlices, unless it has one.
	Identify(e *event.Event) error
}

// Snapshotter is an Events that can read its indices and mappings once for many searches.
type Snapshotter interface {
	// Snapshot returns the same Events for the searches of one moment. Results of Resolve and Locate are reused as long
	// as nothing has changed.
	Snapshot(ctx context.Context) (Events, error)
}

// Confirmer is an Events that can check afterwards whether its answers were complete.
type Confirmer interface {
	// Confirm returns the places that were readable for Resolve and no longer are. Searches since then may have missed
	// their events.
	Confirm(ctx context.Context) ([]Unread, error)
}

// Multi is an Events that can answer the beginnings of several searches in one request.
type Multi interface {
	// FirstPages returns the first page of each request, in the order of the requests. A failed request does not affect
	// the others.
	FirstPages(ctx context.Context, requests []Request) []FirstPage
}

// FirstPage is the beginning of the hits of one search.
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

// As returns events, or the Events that it wraps, as an optional interface.
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
