package elastic

import (
	"strings"
	"sync"
	"time"
)

// circuitBroken is what a request dies of that needs more memory than there is.
const circuitBroken = "circuit_breaking_exception"

// bearableFor is how long it is remembered which size of pages a cluster bears.
const bearableFor = 10 * time.Minute

// bearable remembers, by patterns, the size of pages that a cluster has the memory for.
type bearable struct {
	mu    sync.Mutex
	sizes map[string]bearableSize
}

type bearableSize struct {
	size  int
	noted time.Time
}

// of returns the size that is known for patterns, 0 where none is.
func (b *bearable) of(patterns []string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := strings.Join(patterns, ",")
	s, ok := b.sizes[key]
	if ok && time.Since(s.noted) > bearableFor {
		delete(b.sizes, key)
		return 0
	}
	return s.size
}

// note remembers a size. Of several reads that find it out at the same time the least counts.
func (b *bearable) note(patterns []string, size int) {
	if known := b.of(patterns); known > 0 {
		size = min(size, known)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sizes == nil {
		b.sizes = map[string]bearableSize{}
	}
	b.sizes[strings.Join(patterns, ",")] = bearableSize{size, time.Now()}
}

// tooMuch reports whether a request needed more memory than there is.
func tooMuch(err error) bool { return hasType(err, circuitBroken) }

// brokeCircuit reports whether some shards did while others answer.
func brokeCircuit(s shards) bool {
	for _, f := range s.Failures {
		if f.Reason.root().Type == circuitBroken {
			return true
		}
	}
	return false
}
