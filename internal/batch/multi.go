package batch

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"tocsin/internal/failure"
	"tocsin/internal/search"
)

// The sizes of a batch of searches, and the time that one is to take: longer, and a slow search
// holds up the others; shorter, and round trips count.
const (
	leastBatch  = 4
	mostBatch   = 200
	batchTarget = time.Second
)

// Sizer finds the number of searches that are best asked together, from how long the last ones took.
// The zero value is ready to use, and safe for concurrent use.
type Sizer struct {
	mu   sync.Mutex
	size int
}

// Size is the number of searches to ask together now.
func (s *Sizer) Size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size == 0 {
		s.size = 32
	}
	return s.size
}

// Took learns from a batch of n searches: the size goes half of the way to the one that would have
// taken the target.
func (s *Sizer) Took(n int, took time.Duration) {
	if n == 0 || took <= 0 {
		return
	}
	ideal := float64(n) * float64(batchTarget) / float64(took)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size == 0 {
		s.size = n
	}
	if n < s.size && ideal < float64(s.size) {
		return // a short batch does not tell what a long one would have taken
	}
	s.size = min(max((s.size+int(min(ideal, mostBatch)))/2, leastBatch), mostBatch)
}

// Multi answers the first pages of requests, several in one call. A request that fails, one that has more hits than a
// page, and one whose hits do not fit [DefaultMaxBytes] with the others', is left to a search of its own.
func Multi(ctx context.Context, events search.Events, requests []search.Request, sizer *Sizer) *Answers {
	answers := &Answers{events: events, byKey: map[requestKey]*answer{}}
	multi, ok := events.(search.Multi)
	if !ok {
		return answers
	}
	var todo []search.Request
	for _, r := range requests {
		if id := key(r); answers.byKey[id] == nil {
			answers.byKey[id] = &answer{}
			todo = append(todo, r)
		}
	}
	left := int64(DefaultMaxBytes)
	for len(todo) > 0 && left > 0 && ctx.Err() == nil {
		n := min(sizer.Size(), len(todo))
		start := time.Now()
		answers.firstPages(ctx, multi, todo[:n], &left)
		sizer.Took(n, time.Since(start))
		todo = todo[n:]
	}
	return answers
}

// firstPages asks for some pages together. Where a request crashes that, each is asked for by itself: one that
// crashes again has that as its answer.
func (a *Answers) firstPages(ctx context.Context, multi search.Multi, requests []search.Request, left *int64) {
	err := failure.Guard("search", func() error {
		for i, first := range multi.FirstPages(ctx, requests) {
			a.byKey[key(requests[i])].first(first, left)
		}
		return nil
	})
	switch {
	case err == nil:
	case len(requests) == 1:
		a.byKey[key(requests[0])].refuse(err)
	default:
		for i := range requests {
			a.firstPages(ctx, multi, requests[i:i+1], left)
		}
	}
}

// first takes an answer, if it is whole and what is left of the memory is enough for it.
func (a *answer) first(f search.FirstPage, left *int64) {
	switch size := sizeOf(f.Events); {
	case f.Err != nil:
		a.why = f.Err.Error()
	case f.Result.Total != int64(len(f.Events)):
		a.why = fmt.Sprintf("it has %d hits, more than a page", f.Result.Total)
	case size > *left:
		a.why = "its hits do not fit the memory of answers that are kept"
	default:
		*left -= size
		a.hits, a.whole, a.took = f.Events, true, f.Result.Took
		for i := range a.hits {
			a.hits[i].Source = bytes.Clone(a.hits[i].Source) // which is a part of all answers
		}
	}
}
