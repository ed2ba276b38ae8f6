package condition

// sample is what was counted of some documents.
type sample struct {
	documents int
	// held counts how often a node holds, near how often a text has the literal that a test is found
	// by, filled how often a column has a value.
	held, near, filled []int32
}

// weight is how many documents an estimate counts as that nothing was seen for.
const weight = 2

// rate corrects an estimate by what was seen.
func (s *sample) rate(seen int32, estimate float64) float64 {
	return (float64(seen) + weight*estimate) / float64(s.documents+weight)
}

// maxLooks bounds the work of looking at a sample: documents times nodes.
const maxLooks = 8 << 20

// Tuned returns the set arranged for documents like those of a sample, of which some hundred are
// enough: it gives the same answers, at less cost. The numbers of fields and objects stay. Each sampled
// document is only asked while it is at hand: next is called until it returns nil.
func (s *Set) Tuned(next func() Columns) *Set {
	seen := &sample{held: make([]int32, len(s.nodes)), near: make([]int32, len(s.nodes)), filled: make([]int32, len(s.columns))}
	m := s.NewMatching()
	r := newRates(s, nil)
	for seen.documents < max(maxLooks/len(s.nodes), 1) {
		d := next()
		if d == nil {
			break
		}
		m.Match(d, nil)
		m.document = d
		seen.documents++
		seen.look(s, m, r)
	}
	tuned := *s
	tuned.parts = append([]int32{}, s.parts...)
	tuned.always = nil
	tuned.arrange(seen)
	return &tuned
}

func (s *sample) look(set *Set, m *Matching, r *rates) {
	for c := range set.columns {
		if len(m.values(int32(c))) > 0 {
			s.filled[c]++
		}
	}
	for i := range set.nodes {
		n := int32(i)
		if m.holds(n) {
			s.held[n]++
		}
		l := set.leafOf(n)
		if l == nil || l.test == none {
			continue
		}
		if literal, _ := r.rarest(set.tests[l.test].literals); literal != "" && anyContains(m.foldedTexts(l.column), literal) {
			s.near[n]++
		}
	}
}
