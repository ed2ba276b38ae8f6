package condition

import "tocsin/internal/diag/invariants"

// sample holds counts from some documents; nil means no documents.
type sample struct {
	documents int
	// held counts how often a leaf holds, near how often the value that leads to it occurs, filled
	// how often a column has a value.
	held, near, filled []int32
	// bytes counts the bytes of the texts of a column.
	bytes []int64
}

// weight is the number of documents that the prior estimate counts as.
const weight = 2

// rate corrects an estimate by the counts.
func (s *sample) rate(seen int32, estimate float64) float64 {
	if s == nil {
		return estimate
	}
	return (float64(seen) + weight*estimate) / float64(s.documents+weight)
}

// rateOf is rate of many tests together.
func (s *sample) rateOf(t tally) float64 {
	if s == nil {
		return t.assumed
	}
	return (t.seen + weight*min(t.assumed, t.most)) / float64(s.documents+weight)
}

// bytesOf returns how many bytes a document has in a column.
func (s *sample) bytesOf(column int32) float64 {
	if s == nil || s.documents == 0 {
		return usualBytes
	}
	return float64(s.bytes[column]) / float64(s.documents)
}

// usualBytes is the length of a column's texts where there is no sample.
const usualBytes = 50

// constant is the tally of what is the same in every sample.
func (s *sample) constant(x float64) tally {
	if s == nil {
		return tally{0, x, x}
	}
	return tally{x * float64(s.documents), x, x}
}

func (s *sample) heldOf(n int32) int32 {
	if s == nil {
		return 0
	}
	return s.held[n]
}

func (s *sample) nearOf(n int32) int32 {
	if s == nil {
		return 0
	}
	return s.near[n]
}

func (s *sample) filledOf(column int32) int32 {
	if s == nil {
		return 0
	}
	return s.filled[column]
}

// Tuned returns the set arranged for documents like the ones of a sample of a few hundred: it gives the same
// answers, at less cost. The numbers of fields and objects stay the same. next is called until it returns
// nil; each document is used only until the next call. If next or a condition panics, the set stays as it is.
func (s *Set) Tuned(next func() Columns) *Set {
	g := s.graph
	r := newRates(g)
	seen := g.sample(r, next)
	if seen == nil {
		return s
	}
	return &Set{graph: g, arrangement: arrange(g, r, seen)}
}

// sample counts in documents; nil after a panic.
func (g *graph) sample(r *rates, next func() Columns) (seen *sample) {
	defer func() {
		if v := recover(); v != nil {
			invariants.Recovered(v)
			seen = nil
		}
	}()
	all := newIndex(r, r.leaves, nil, &r.texts)
	m := newMatching(g, unarranged(g))
	seen = &sample{held: make([]int32, len(g.nodes)), near: make([]int32, len(g.nodes)), filled: make([]int32, len(g.columns)), bytes: make([]int64, len(g.columns))}
	count := func(tests []int32) {
		for _, n := range tests {
			if m.tried[n] == m.count {
				continue
			}
			m.tried[n] = m.count
			seen.near[n]++
			if m.holds(n) {
				seen.held[n]++
			}
		}
	}
	for d := next(); d != nil; d = next() {
		m.begin(d)
		seen.documents++
		for _, c := range m.filled {
			if int(c) >= len(g.columns) || len(m.values(c)) == 0 {
				continue
			}
			seen.filled[c]++
			for _, v := range m.values(c) {
				seen.bytes[c] += int64(len(v.String))
			}
			all.lead(m, c, count)
		}
	}
	return seen
}
