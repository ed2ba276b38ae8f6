package search

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"sync/atomic"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
)

// Room is the memory for events that are kept until it is known what becomes of them, by all who share it. The zero
// value is ready to use, and safe for concurrent use.
type Room struct{ used atomic.Int64 }

// roomBytes is how much of them is kept.
const roomBytes = 32 << 20

// Gone is the failure of what needs an event that is not there any more.
func Gone(e *event.Event) error {
	return &failure.Error{Kind: failure.Unavailable, Op: "read an event again", Reason: fmt.Sprintf("%s/%s is not there any more", e.Index, e.ID)}
}

// take takes some of the room, if there is as much.
func (r *Room) take(bytes int64) bool {
	if r.used.Add(bytes) > roomBytes {
		r.give(bytes)
		return false
	}
	return true
}

func (r *Room) give(bytes int64) { r.used.Add(-bytes) }

// Shelf keeps events while there is room for them. Of the others it keeps all but the source, which it reads again
// when it is needed.
type Shelf struct {
	from Documents
	room *Room
}

// NewShelf keeps events of a place; a nil room is one of its own. Where documents cannot be found by their places, all
// are kept whole.
func NewShelf(events Events, room *Room) *Shelf {
	if room == nil {
		room = new(Room)
	}
	from, _ := As[Documents](events)
	return &Shelf{from, room}
}

// Keep returns the event as it is kept, no part of the page that it came in. It takes room until nobody holds it any
// more.
func (s *Shelf) Keep(e event.Event) *event.Event {
	size := int64(len(e.Source))
	kept := new(event.Event)
	switch *kept = e; {
	case s.room.take(size):
		runtime.AddCleanup(kept, s.room.give, size)
		fallthrough
	case s.from == nil, e.Index == "", e.ID == "": // there is no other way to have it
		kept.Source = bytes.Clone(e.Source)
	default:
		kept.Source = nil
	}
	return kept
}

// Away reports whether an event is without its source, which is where it came from.
func Away(e *event.Event) bool { return e.Source == nil && e.Index != "" && e.ID != "" }

// Whole returns kept events with their sources, in the same order. One that is not there any more is still [Away].
func (s *Shelf) Whole(ctx context.Context, kept []*event.Event) ([]event.Event, error) {
	out := make([]event.Event, len(kept))
	var refs []Ref
	for i, e := range kept {
		if out[i] = *e; Away(e) {
			refs = append(refs, e.Ref())
		}
	}
	if len(refs) == 0 {
		return out, nil
	}
	found, err := s.from.Documents(ctx, refs)
	if err != nil {
		return nil, fmt.Errorf("read events again: %w", err)
	}
	for i := range out {
		if !Away(&out[i]) {
			continue
		}
		if e, there := found[out[i].Ref()]; there {
			out[i].Source = e.Source
		}
	}
	return out, nil
}
