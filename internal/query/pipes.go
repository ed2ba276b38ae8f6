package query

import (
	"slices"

	"tocsin/internal/translate"
)

// Pipes applies the pipes of a query to results in order. The first pipe is applied as results arrive, so that no more
// results are kept than it passes on; the others are applied at the end.
type Pipes struct {
	limits []translate.Limit
	kept   []Hit
	// start is the index of the oldest result in kept, which a pipe for the last n uses as a ring buffer.
	start int
}

// NewPipes returns the pipes of a query.
func NewPipes(limits []translate.Limit) *Pipes { return &Pipes{limits: limits} }

// None reports whether there are no pipes.
func (l *Pipes) None() bool { return len(l.limits) == 0 }

// Sized puts a limit before the other pipes, in the direction of the first pipe; without pipes it selects the last
// results.
func Sized(limits []translate.Limit, size int) []translate.Limit {
	if len(limits) == 0 {
		return []translate.Limit{{Last: true, Count: size}}
	}
	return append([]translate.Limit{{Last: limits[0].Last, Count: size}}, limits...)
}

// Add adds a result, and reports whether more results are needed.
func (l *Pipes) Add(h Hit) bool {
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

// Result returns the results that passed the pipes.
func (l *Pipes) Result() []Hit {
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
