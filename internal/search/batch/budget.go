package batch

import (
	"sync"

	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// placed is a hit with its sort position.
type placed struct {
	place search.Place
	event *event.Event
}

// overhead is the memory of a kept hit besides its source, in bytes.
const overhead = 256

// sizeOf returns the memory of kept hits, in bytes.
func sizeOf(hits []event.Event) int64 {
	size := int64(0)
	for i := range hits {
		size += int64(len(hits[i].Source)) + overhead
	}
	return size
}

// budget keeps the hits of many requests within a memory limit. When it is reached, the request
// with the most memory is spilled: its hits are dropped, and none are kept from then on.
type budget struct {
	mu    sync.Mutex
	limit int64
	used  int64
	by    map[int]*held
}

// held are the hits kept for one request. An event that several requests keep counts for each of
// them, so the true use is never more than the counted use.
type held struct {
	hits    []placed
	bytes   int64
	spilled bool
}

func newBudget(limit int64) *budget { return &budget{limit: limit, by: map[int]*held{}} }

func (b *budget) add(i int, p placed) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.by[i]
	if h == nil {
		h = &held{}
		b.by[i] = h
	}
	if h.spilled {
		return
	}
	size := int64(len(p.event.Source)) + overhead
	h.hits = append(h.hits, p)
	h.bytes += size
	b.used += size
	for b.used > b.limit {
		b.spill()
	}
}

// spill drops the hits of the request with the most memory.
func (b *budget) spill() {
	var most *held
	for _, h := range b.by {
		if most == nil || h.bytes > most.bytes {
			most = h
		}
	}
	b.used -= most.bytes
	*most = held{spilled: true}
}

func (b *budget) spilled(i int) bool { return b.by[i] != nil && b.by[i].spilled }

// take returns the hits of each request.
func (b *budget) take() map[int][]placed {
	out := make(map[int][]placed, len(b.by))
	for i, h := range b.by {
		out[i] = h.hits
	}
	return out
}
