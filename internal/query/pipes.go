package query

import (
	"slices"

	"tocsin/internal/translate"
)

// Pipes applies pipes to results that come in order: the first pipe while they come, so that no
// more is kept than it lets through, the others at the end.
type Pipes struct {
	limits []translate.Limit
	kept   []Hit
	// start is where the oldest of kept is, once a last-n has wrapped around.
	start int
}

// NewPipes returns the pipes of a query.
func NewPipes(limits []translate.Limit) *Pipes { return &Pipes{limits: limits} }

// None reports whether every result is let through.
func (l *Pipes) None() bool { return len(l.limits) == 0 }

// Sized puts a size below the first pipe, in the pipe's direction; without pipes the last results
// are wanted.
func Sized(limits []translate.Limit, size int) []translate.Limit {
	if len(limits) == 0 {
		return []translate.Limit{{Last: true, Count: size}}
	}
	return append([]translate.Limit{{Last: limits[0].Last, Count: size}}, limits...)
}

// Add takes a result; false means that no more are wanted.
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

// Result returns what the pipes let through.
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
