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

// Room is memory for events that are kept while their outcome is undecided. It can be shared by several executions. The
// zero value is ready to use, and safe for concurrent use.
type Room struct{ used atomic.Int64 }

// roomBytes is the size of a Room.
const roomBytes = 32 << 20

// Gone returns the failure for an event that is needed and no longer exists.
func Gone(e *event.Event) error {
	return &failure.Error{Kind: failure.Unavailable, Op: "read an event again", Reason: fmt.Sprintf("%s/%s is not there any more", e.Index, e.ID)}
}

// take reserves memory, and reports whether there was enough.
func (r *Room) take(bytes int64) bool {
	if r.used.Add(bytes) > roomBytes {
		r.give(bytes)
		return false
	}
	return true
}

func (r *Room) give(bytes int64) { r.used.Add(-bytes) }

// Shelf keeps events while there is room for them. It drops the source of the others, and reads it again when it is
// needed.
type Shelf struct {
	from Documents
	room *Room
}

// NewShelf returns a shelf for events of a backend; with a nil room it has its own. If the backend cannot read documents by
// index and id, all events are kept completely.
func NewShelf(events Events, room *Room) *Shelf {
	if room == nil {
		room = new(Room)
	}
	from, _ := As[Documents](events)
	return &Shelf{from, room}
}

// Keep returns the event as it is kept: a copy, independent of its page. It uses room until it is garbage collected.
func (s *Shelf) Keep(e event.Event) *event.Event {
	size := int64(len(e.Source))
	kept := new(event.Event)
	switch *kept = e; {
	case s.room.take(size):
		runtime.AddCleanup(kept, s.room.give, size)
		fallthrough
	case s.from == nil, e.Index == "", e.ID == "": // it cannot be read again
		kept.Source = bytes.Clone(e.Source)
	default:
		kept.Source = nil
	}
	return kept
}

// Away reports whether the source of a kept event was dropped.
func Away(e *event.Event) bool { return e.Source == nil && e.Index != "" && e.ID != "" }

// Whole returns kept events with their sources, in the same order. An event that no longer exists is still [Away].
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
