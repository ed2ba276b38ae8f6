package batch

import (
	"sync"

	"tocsin/internal/event"
	"tocsin/internal/search"
)

// placed is a hit and its place in the order of its request.
type placed struct {
	place search.Place
	event *event.Event
}

// overhead is what a kept hit takes besides its source, in bytes.
const overhead = 256

// sizeOf is the memory that hits take when they are kept, in bytes.
func sizeOf(hits []event.Event) int64 {
	size := int64(0)
	for i := range hits {
		size += int64(len(hits[i].Source)) + overhead
	}
	return size
}

// budget keeps the hits of many requests within a bound of memory. The request with the most gives
// way when it is reached: it is spilled, and keeps nothing from then on.
type budget struct {
	mu    sync.Mutex
	limit int64
	used  int64
	by    map[int]*held
}

// held is what one request keeps. An event that several keep counts for each of them, so the true
// use is never more than what is counted.
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

// spill gives up the hits of the request that has most.
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
