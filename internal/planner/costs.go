package planner

import (
	"hash/maphash"
	"sync"
	"time"

	"tocsin/internal/batch"
	"tocsin/internal/search"
)

// What things cost until something was measured: figures of a small cluster on two processors.
const (
	firstPerDocument = 20 * time.Microsecond
	firstPerSearch   = 10 * time.Millisecond
	// scanOverhead is what a scan takes without any document.
	scanOverhead = 30 * time.Millisecond
)

// forget is the share that a new measurement has in what is expected.
const forget = 0.3

// maxRemembered bounds the searches whose cost is remembered one by one.
const maxRemembered = 20_000

// costs are the expected costs. The zero value has those of nothing measured.
type costs struct {
	mu          sync.Mutex
	perDocument time.Duration
	perSearch   time.Duration
	// of are the costs of single searches, by what they look for and where, not when.
	of   map[uint64]time.Duration
	seed maphash.Seed
}

func blend(old, measured, first time.Duration) time.Duration {
	if old == 0 {
		old = first
	}
	return time.Duration((1-forget)*float64(old) + forget*float64(measured))
}

func (c *costs) scanned(s batch.Scanned) {
	if s.Events < 100 {
		return // tells more of the overhead than of documents
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.perDocument = blend(c.perDocument, s.Took/time.Duration(s.Events), firstPerDocument)
}

// searched shares the time of a batch among its searches.
func (c *costs) searched(requests []search.Request, took time.Duration) {
	each := took / time.Duration(len(requests))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.perSearch = blend(c.perSearch, each, firstPerSearch)
	if c.of == nil || len(c.of) > maxRemembered {
		c.of, c.seed = map[uint64]time.Duration{}, maphash.MakeSeed()
	}
	for _, r := range requests {
		id := c.id(r)
		c.of[id] = blend(c.of[id], each, each)
	}
}

// scan is what a scan of so many documents is expected to take.
func (c *costs) scan(documents int64) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	per := c.perDocument
	if per == 0 {
		per = firstPerDocument
	}
	return scanOverhead + time.Duration(documents)*per
}

// search is what the searches are expected to take.
func (c *costs) search(needs []Need) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	var sum time.Duration
	for _, n := range needs {
		cost, known := c.of[c.id(n.Request)]
		switch {
		case known:
		case c.perSearch > 0:
			cost = c.perSearch
		default:
			cost = firstPerSearch
		}
		sum += cost
	}
	return sum
}

func (c *costs) id(r search.Request) uint64 {
	if c.of == nil {
		return 0
	}
	var h maphash.Hash
	h.SetSeed(c.seed)
	for _, p := range r.Patterns {
		_, _ = h.WriteString(p)
		_ = h.WriteByte(0)
	}
	_, _ = h.WriteString(r.Where.String())
	return h.Sum64()
}
