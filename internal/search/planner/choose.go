package planner

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"tocsin/internal/diag/failure"
	"tocsin/internal/search"
	"tocsin/internal/search/batch"
)

// classes are the window lengths at which a scan is considered: for all requests of the first
// class, all of the first two, and so on.
var classes = []time.Duration{20 * time.Minute, 2 * time.Hour, 12 * time.Hour, 48 * time.Hour, math.MaxInt64}

// choose splits requests into those for a scan and those for searches.
func (p *Planner) choose(ctx context.Context, events search.Events, needs []Need, round *Round) (scanned, searched []Need) {
	located, others := readable(events, needs)
	if p.Pin == Search || p.Pin != Scan && len(located) < minTogether {
		return nil, slices.Concat(others, located)
	}
	able, unable := p.scannable(events, located)
	unable = slices.Concat(others, unable)
	switch {
	case len(able) == 0, p.Pin != Scan && len(able) < minTogether:
		return nil, slices.Concat(unable, able)
	case p.Pin == Scan || !countable(events):
		round.Scanned = len(able)
		return able, unable
	}
	slices.SortStableFunc(able, func(a, b Need) int { return class(a) - class(b) })
	best := p.best(ctx, events, able, round)
	round.Scanned = best
	return able[:best], slices.Concat(unable, able[best:])
}

// best returns how many of the requests, which come in the order of their classes, to scan.
func (p *Planner) best(ctx context.Context, events search.Events, able []Need, round *Round) int {
	all := p.costs.search(able)
	best, least := 0, all
	round.SearchCost = all
	for end := range prefixes(able) {
		documents, err := count(ctx, events, able[:end])
		if err != nil {
			break // no scan of windows that cannot be counted
		}
		scan := p.costs.scan(documents)
		if round.Documents < 0 || scan+p.costs.search(able[end:]) < least {
			round.Documents, round.ScanCost = documents, scan
		}
		if cost := scan + p.costs.search(able[end:]); cost < least {
			best, least = end, cost
		}
		if scan > all {
			break // longer windows have at least as many documents
		}
	}
	return best
}

// prefixes yields the ends of the classes that contain a request.
func prefixes(able []Need) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := range able {
			if i+1 < len(able) && class(able[i]) == class(able[i+1]) {
				continue
			}
			if !yield(i + 1) {
				return
			}
		}
	}
}

// class returns the number of the shortest class that fits the request's window.
func class(n Need) int {
	w := n.Time.Window
	length := w.To.Sub(w.From) // saturates where a bound is missing
	i := slices.IndexFunc(classes, func(c time.Duration) bool { return length <= c })
	return max(i, 0)
}

// countable reports whether events are indexed. If not, every search reads all of them, and one
// read for many requests is always cheaper.
func countable(events search.Events) bool {
	_, ok := search.As[search.Counter](events)
	return ok
}

// readable splits needs into those whose events one read can find and the others.
func readable(events search.Events, needs []Need) (located, others []Need) {
	_, locates := events.(search.Locator)
	for _, n := range needs {
		if locates && !n.SearchOnly && (n.AllTime || !n.Time.Window.From.IsZero()) {
			located = append(located, n)
		} else {
			others = append(others, n)
		}
	}
	return located, others
}

// scannable splits needs into those that can be answered from memory and the others. A condition
// that crashes goes to the scan, which reports the crash. If there is a scan in any case, it gets
// every condition, as it finds out itself which ones it can match.
func (p *Planner) scannable(events search.Events, needs []Need) (able, unable []Need) {
	if !countable(events) {
		return needs, nil
	}
	for i, err := range p.sets.Check(requests(needs)) {
		if err == nil || errors.Is(err, failure.ErrCrash) {
			able = append(able, needs[i])
		} else {
			unable = append(unable, needs[i])
		}
	}
	return able, unable
}

// count returns the number of documents that a scan for the requests reads.
func count(ctx context.Context, events search.Events, needs []Need) (int64, error) {
	counter, ok := search.As[search.Counter](events)
	if !ok {
		return 0, nil
	}
	return counter.Count(ctx, batch.Union(requests(needs))) //nolint:wrapcheck // the error names the search
}
