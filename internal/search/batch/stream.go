package batch

import (
	"context"
	"errors"
	"runtime"
	"time"

	"tocsin/internal/match/condition"
	"tocsin/internal/search"
)

// Take receives a hit of a request: the number of the part of the read that found it, the number of the request, and
// the time of the event, zero if it has none. Parts call it concurrently, each with its own number, which is less than
// the number of parts.
type Take func(part, request int, at time.Time)

// errUnanswered is why a request is not answered if nothing else is known.
var errUnanswered = errors.New("it was not read")

// Stream matches the events of all requests by one read of the given number of parts, as [Scan] does, and passes every
// hit to take. It keeps no hits, so that its memory does not depend on their number; they come in no order.
//
// The result has, for each request, nil if take has got all of its hits, or why it must be searched for: what take got
// of it before must be forgotten. After an error that is so of all requests.
func Stream(ctx context.Context, events search.Events, requests []search.Request, parts int, take Take) ([]error, Scanned, error) {
	if parts <= 0 {
		parts = runtime.GOMAXPROCS(0)
	}
	start := time.Now()
	why := make([]error, len(requests))
	for i := range why {
		why[i] = errUnanswered
	}
	same := map[requestKey][]int{} // the numbers of equal requests
	for i, r := range requests {
		id := key(r)
		same[id] = append(same[id], i)
	}
	s := scan{answers: &Answers{events: events, byKey: map[requestKey]*answer{}}, budget: newBudget(DefaultMaxBytes)}
	if err := s.admit(ctx, events, requests, new(Sets)); err != nil {
		return why, Scanned{}, err
	}
	for id, a := range s.answers.byKey {
		for _, i := range same[id] {
			switch {
			case a.err != nil:
				why[i] = a.err
			case a.why != "":
				why[i] = refusal("scan", errors.New(a.why)) //nolint:err113 // it is the text of an error
			}
		}
	}
	if s.asked() == 0 {
		return why, Scanned{}, nil
	}
	numbers := make([][]int, len(s.members))
	for i, m := range s.members {
		if m != nil {
			numbers[i] = same[key(m.request)]
		}
	}
	s.take = func(part, member int, at time.Time) {
		for _, i := range numbers[member] {
			take(part, i, at)
		}
	}
	stats, err := s.read(ctx, events, parts)
	stats.Took = time.Since(start)
	if err != nil {
		return why, stats, err
	}
	for i, m := range s.members {
		if m == nil {
			continue
		}
		for _, n := range numbers[i] {
			if why[n] = s.of(i); why[n] == nil {
				stats.Answered++
			}
		}
	}
	return why, stats, nil
}

// stream passes a hit of a variant on.
func (s *scan) stream(part, variant int, d condition.Document) {
	v := &s.matched.variants[variant]
	at, _ := v.Ordering.Time(v.Ordering.Of(d))
	s.take(part, v.member, at)
}
