package elastic

import (
	"strings"
	"sync"
	"time"
)

// circuitBroken is the type of the error for a request that needs more memory than the node has.
const circuitBroken = "circuit_breaking_exception"

// pageLimitAge is how long a page size is remembered.
const pageLimitAge = 10 * time.Minute

// pageLimits remembers, by patterns, the page size that the cluster has enough memory for.
type pageLimits struct {
	mu    sync.Mutex
	sizes map[string]pageLimit
}

type pageLimit struct {
	size  int
	noted time.Time
}

// of returns the remembered size for patterns; 0 if there is none.
func (b *pageLimits) of(patterns []string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := strings.Join(patterns, ",")
	s, ok := b.sizes[key]
	if ok && time.Since(s.noted) > pageLimitAge {
		delete(b.sizes, key)
		return 0
	}
	return s.size
}

// note remembers a size. When several reads report sizes at the same time, the smallest one is kept.
func (b *pageLimits) note(patterns []string, size int) {
	if known := b.of(patterns); known > 0 {
		size = min(size, known)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sizes == nil {
		b.sizes = map[string]pageLimit{}
	}
	b.sizes[strings.Join(patterns, ",")] = pageLimit{size, time.Now()}
}

// outOfMemory reports whether a request failed because it needed more memory than the node has.
func outOfMemory(err error) bool { return hasType(err, circuitBroken) }

// shardsOutOfMemory reports whether some shards failed in that way while others answered.
func shardsOutOfMemory(s shards) bool {
	for _, f := range s.Failures {
		if f.Reason.root().Type == circuitBroken {
			return true
		}
	}
	return false
}
