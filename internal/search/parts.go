package search

import (
	"context"
	"iter"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// Locator is an Events that can say in which indices the hits of patterns stand.
type Locator interface {
	// Locate returns the names that hits of the patterns carry as their index, as a test of one such
	// name. The test is good for the indices that exist now.
	Locate(ctx context.Context, patterns []string) (func(index string) bool, error)
}

// Slicer is an Events that can read one search in several parts at the same time.
type Slicer interface {
	// SearchSlices is Search in as many parts as there are visitors, each called from a goroutine of
	// its own; the order of the hits is of no account. Every hit is in exactly one part. Pages and
	// their sources are good until visit returns: the memory is used again. The Result is that of the whole. A hit
	// has no id when the Slicer is an [Identifier] that makes ids of contents.
	SearchSlices(ctx context.Context, r Request, visits []Visit) (Result, error)
}

// Viewer is a [Slicer] that reads each event once, for itself and for whoever looks at it.
type Viewer interface {
	// ViewSlices is SearchSlices with a Sight for each part.
	ViewSlices(ctx context.Context, r Request, sights []Sight) (Result, error)
}

// Sight looks at hits while they are read.
type Sight interface {
	// View is what reads the next events. It belongs to the Sight; whoever reads with it gives it back
	// when the reading ends. Its selection should have the fields of the request's window and
	// [StreamFields], or every event is decoded for them.
	View() *event.View
	// See is given the hits that the view reads, one after the other: each is good, and shown by the
	// view, until it asks for the next one.
	See(hits iter.Seq[*event.Event]) error
}

// StreamFields are the fields of an event that name its data stream, in order.
func StreamFields() []mapping.Field {
	return []mapping.Field{
		{Name: "data_stream.type", Type: mapping.Keyword}, {Name: "data_stream.dataset", Type: mapping.Keyword}, {Name: "data_stream.namespace", Type: mapping.Keyword},
	}
}

// Identifier is a [Slicer] that leaves out ids which take time to make: most events of a read are of no
// use to anybody.
type Identifier interface {
	// Identify gives a hit of SearchSlices its id, unless it has one.
	Identify(e *event.Event) error
}

// Snapshotter is an Events that can look at its indices and mappings once for many searches.
type Snapshotter interface {
	// Snapshot returns the same Events for the searches of one moment: what Resolve and Locate have
	// found is not asked for again while nothing has changed.
	Snapshot(ctx context.Context) (Events, error)
}

// Confirmer is an Events that can tell afterwards what its answers have lacked.
type Confirmer interface {
	// Confirm names what Resolve has found to be readable and is not by now: whatever was searched since may not
	// have seen it.
	Confirm(ctx context.Context) ([]Unread, error)
}

// Multi is an Events that can answer the beginnings of several searches in one request.
type Multi interface {
	// FirstPages returns the first page of each request, in their order. One that failed does not
	// keep the others from being answered.
	FirstPages(ctx context.Context, requests []Request) []FirstPage
}

// FirstPage is the beginning of the hits of one search.
type FirstPage struct {
	Events []event.Event
	Result Result
	// Err says why there is none, or not all of it.
	Err error
}

// Counter is an Events that can count the hits of a search without reading them.
type Counter interface {
	// Count returns the number of events that the request matches.
	Count(ctx context.Context, r Request) (int64, error)
}

// As returns what an Events can do besides, itself or as the one that it stands before.
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
