package query

import (
	"slices"

	"tocsin/internal/translate"
)

// limiter applies pipes to results that come in order: the first pipe while they come, so that no
// more is kept than it lets through, the others at the end.
type limiter struct {
	limits []translate.Limit
	kept   []Hit
	// start is where the oldest of kept is, once a last-n has wrapped around.
	start int
}

// sized puts a size below the first pipe, in the pipe's direction; without pipes the last results
// are wanted.
func sized(limits []translate.Limit, size int) []translate.Limit {
	if len(limits) == 0 {
		return []translate.Limit{{Last: true, Count: size}}
	}
	return append([]translate.Limit{{Last: limits[0].Last, Count: size}}, limits...)
}

// add takes a result; false means that no more are wanted.
func (l *limiter) add(h Hit) bool {
	if len(l.limits) == 0 {
		l.kept = append(l.kept, h)
		return true
	}
	first := l.limits[0]
	switch {
	case first.Count == 0:
		return false
	case len(l.kept) < first.Count:
		l.kept = append(l.kept, h)
	case !first.Last:
		return false
	default:
		l.kept[l.start] = h
		l.start = (l.start + 1) % first.Count
	}
	return first.Last || len(l.kept) < first.Count
}

// result returns what the pipes let through.
func (l *limiter) result() []Hit {
	hits := append(slices.Clone(l.kept[l.start:]), l.kept[:l.start]...)
	for i, limit := range l.limits {
		if i == 0 || len(hits) <= limit.Count {
			continue
		}
		if limit.Last {
			hits = hits[len(hits)-limit.Count:]
		} else {
			hits = hits[:limit.Count]
		}
	}
	return hits
}
