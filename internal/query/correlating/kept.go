package correlating

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// Room bounds, in bytes, the hits that all correlations keep between executions. The zero value is ready to use.
type Room struct{ used atomic.Int64 }

// roomBytes is the limit of a Room.
const roomBytes = 64 << 20

// kept is what is known of a leaf's hits from earlier executions. It is safe for concurrent use.
type kept struct {
	mu   sync.Mutex
	last stretch
}

// stretch are all hits of a range of time, in order of time, as found in the given indices by a condition.
type stretch struct {
	window.Window
	hits  []hit
	state state
	bytes int64
}

// state is what hits depend on besides the events: if it changes, they are read again.
type state struct {
	condition                        string
	indices, missing, closed, unread []string
}

func stateOf(t search.Target, condition string) state {
	s := state{condition: condition, indices: t.Indices, missing: t.Missing, closed: t.Closed}
	for _, u := range t.Unread {
		s.unread = append(s.unread, u.Name)
	}
	return s
}

func (s state) same(o state) bool {
	return s.condition == o.condition && slices.Equal(s.indices, o.indices) && slices.Equal(s.missing, o.missing) &&
		slices.Equal(s.closed, o.closed) && slices.Equal(s.unread, o.unread)
}

// before returns the hits of needed that need not be read, and from when the rest is read. What lies in the window of a slot,
// which begins at from, is always read: events may have come since.
func (k *kept) before(needed window.Window, from time.Time, s state) ([]hit, time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	until := from
	if k.last.To.Before(until) {
		until = k.last.To
	}
	if len(k.last.state.indices) == 0 || !k.last.state.same(s) || k.last.From.After(needed.From) || !until.After(needed.From) {
		return nil, needed.From
	}
	return between(k.last.hits, needed.From, until), until
}

// between returns the hits of a range of time.
func between(hits []hit, from, to time.Time) []hit {
	at := func(t time.Time) int {
		n, _ := slices.BinarySearchFunc(hits, t.UnixNano(), func(h hit, t int64) int {
			if h.at < t {
				return -1
			}
			return 1
		})
		return n
	}
	return hits[at(from):at(to)]
}

// keep replaces what is kept by a newer stretch, which has all that is needed from it, as far as there is room.
func (k *kept) keep(s stretch, room *Room) {
	if room == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if s.To.Before(k.last.To) && k.last.state.same(s.state) { // of an older slot, which was run later
		return
	}
	room.used.Add(-k.last.bytes)
	k.last = stretch{}
	s.bytes = sizeOf(s.hits)
	if room.used.Add(s.bytes) > roomBytes {
		room.used.Add(-s.bytes)
		return
	}
	k.last = s
}

// drop forgets what is kept.
func (k *kept) drop(room *Room) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if room != nil {
		room.used.Add(-k.last.bytes)
	}
	k.last = stretch{}
}
