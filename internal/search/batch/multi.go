package batch

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"tocsin/internal/diag/failure"
	"tocsin/internal/search"
)

// The sizes of a batch of searches, and its target time: if it is longer, a slow search delays the
// others; if it is shorter, round trips dominate.
const (
	minBatch    = 4
	maxBatch    = 200
	batchTarget = time.Second
)

// Sizer finds the best number of searches for one batch from how long the last batches took. The
// zero value is ready to use, and safe for concurrent use.
type Sizer struct {
	mu   sync.Mutex
	size int
}

// Size returns the number of searches to send together now.
func (s *Sizer) Size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size == 0 {
		s.size = 32
	}
	return s.size
}

// Took adjusts the size after a batch of n searches: it moves halfway to the size that would have
// taken the target time.
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
		return // a short batch does not show how long a full one would take
	}
	s.size = min(max((s.size+int(min(ideal, maxBatch)))/2, minBatch), maxBatch)
}

// Multi answers the first pages of requests, several in one call. It leaves a request to a separate
// search if the request fails, has more hits than a page, or has hits that do not fit
// [DefaultMaxBytes] together with the others.
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

// firstPages asks for some pages together. If a request crashes that call, each page is asked for
// separately; a request that crashes again has the crash as its answer.
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

// first takes a first page as the answer if it is complete and fits the remaining memory.
func (a *answer) first(f search.FirstPage, left *int64) {
	switch size := sizeOf(f.Events); {
	case f.Err != nil:
		a.why = f.Err.Error()
	case f.Result.Total != int64(len(f.Events)):
		a.why = fmt.Sprintf("it has %d hits, more than a page", f.Result.Total)
	case size > *left:
		a.why = "its hits exceed the memory for answers"
	default:
		*left -= size
		a.hits, a.whole, a.took = f.Events, true, f.Result.Took
		for i := range a.hits {
			a.hits[i].Source = bytes.Clone(a.hits[i].Source) // the source is a part of all answers
		}
	}
}
