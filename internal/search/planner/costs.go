package planner

import (
	"hash/maphash"
	"sync"
	"time"

	"tocsin/internal/search"
	"tocsin/internal/search/batch"
)

// Costs assumed before anything was measured: figures of a small cluster on two processors.
const (
	firstPerDocument = 20 * time.Microsecond
	firstPerSearch   = 10 * time.Millisecond
	// scanOverhead is the time of a scan without any documents.
	scanOverhead = 30 * time.Millisecond
)

// newShare is the weight of a new measurement in the expected cost.
const newShare = 0.3

// maxRemembered bounds the searches whose cost is remembered individually.
const maxRemembered = 20_000

// costs holds the expected costs. The zero value has the assumed costs.
type costs struct {
	mu          sync.Mutex
	perDocument time.Duration
	perSearch   time.Duration
	// bySearch holds the costs of single searches, by condition and indices, not by window.
	bySearch map[uint64]time.Duration
	seed     maphash.Seed
}

func blend(old, measured, first time.Duration) time.Duration {
	if old == 0 {
		old = first
	}
	return time.Duration((1-newShare)*float64(old) + newShare*float64(measured))
}

func (c *costs) scanned(s batch.Scanned) {
	if s.Events < 100 {
		return // measures the overhead rather than the documents
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.perDocument = blend(c.perDocument, s.Took/time.Duration(s.Events), firstPerDocument)
}

// searched divides the time of a batch evenly among its searches.
func (c *costs) searched(requests []search.Request, took time.Duration) {
	each := took / time.Duration(len(requests))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.perSearch = blend(c.perSearch, each, firstPerSearch)
	if c.bySearch == nil || len(c.bySearch) > maxRemembered {
		c.bySearch, c.seed = map[uint64]time.Duration{}, maphash.MakeSeed()
	}
	for _, r := range requests {
		id := c.id(r)
		c.bySearch[id] = blend(c.bySearch[id], each, each)
	}
}

// scan returns the expected time of a scan of that many documents.
func (c *costs) scan(documents int64) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	per := c.perDocument
	if per == 0 {
		per = firstPerDocument
	}
	return scanOverhead + time.Duration(documents)*per
}

// search returns the expected time of the searches.
func (c *costs) search(needs []Need) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	var sum time.Duration
	for _, n := range needs {
		cost, known := c.bySearch[c.id(n.Request)]
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
	if c.bySearch == nil {
		return 0
	}
	var h maphash.Hash
	h.SetSeed(c.seed)
	for _, p := range r.Patterns {
		_, _ = h.WriteString(p)
		_ = h.WriteByte(0)
	}
	_, _ = h.WriteString(r.Key())
	return h.Sum64()
}
