package condition

import (
	"cmp"
	"slices"
)

// rates are estimates of how often tests hold. Where nothing is known of the documents, a column that
// many members look at is taken to be there often, a text that many of them ask for to be a common
// one, and a literal that stands in many patterns too. A [Set.Tuned] set has seen documents.
type rates struct {
	set *Set
	// uses counts how many members compare a column with a text, total that with any text.
	uses  map[columnText]int
	total []int
	// looks counts the members that look at a column.
	looks []int
	// grams counts the patterns in which a gram stands.
	grams map[uint32]int
	// seen is what a sample of documents says, nil without one.
	seen *sample
}

type columnText struct {
	column int32
	text   string
}

const (
	// smoothing is how many texts nobody asks for are as common as one that is asked for once.
	smoothing = 8
	// perPattern is the rate of a literal of gramSize bytes, of which each further byte takes a half;
	// leastRate is where that ends. anyPattern is that of a pattern without a literal of that size.
	perPattern = 1.0 / 16
	leastRate  = 1.0 / 512
	anyPattern = 1.0 / 4
	// half is the rate of what nothing is known of.
	half = 1.0 / 2
)

func newRates(s *Set, seen *sample) *rates {
	r := &rates{set: s, seen: seen, uses: map[columnText]int{}, total: make([]int, len(s.columns)), looks: make([]int, len(s.columns)), grams: map[uint32]int{}}
	for _, root := range s.roots {
		if root != none {
			r.count(root, map[int32]bool{}, map[int32]bool{})
		}
	}
	for i := range s.tests {
		for _, literal := range s.tests[i].literals {
			for at := 0; at+gramSize <= len(literal); at++ {
				r.grams[gramAt(bytesOf(literal), at)]++
			}
		}
	}
	return r
}

// count counts what one member looks at, each once.
func (r *rates) count(n int32, counted, looked map[int32]bool) {
	if counted[n] {
		return
	}
	counted[n] = true
	for _, p := range r.set.partsOf(n) {
		r.count(p, counted, looked)
	}
	l := r.set.leafOf(n)
	if l == nil || l.column == none {
		return
	}
	if !looked[l.column] {
		looked[l.column] = true
		r.looks[l.column]++
	}
	if l.test == none {
		return
	}
	for _, text := range r.set.tests[l.test].equal {
		r.uses[columnText{l.column, foldASCII(text)}]++
		r.total[l.column]++
	}
}

// filled is how often a column has a value.
func (r *rates) filled(column int32) float64 {
	return float64(r.looks[column]) / float64(len(r.set.roots)+1)
}

// ofText is how often a test of texts holds.
func (r *rates) ofText(l *atom) float64 {
	rate, t := 0.0, &r.set.tests[l.test]
	switch {
	case t.equal != nil:
		for _, text := range t.equal {
			rate += float64(r.uses[columnText{l.column, foldASCII(text)}]) / float64(r.total[l.column]+smoothing)
		}
	default:
		literal, at := r.rarest(t.literals)
		if literal == "" {
			return r.filled(l.column)
		}
		rate = perPattern
		for range len(literal) - gramSize {
			rate = max(rate/2, leastRate)
		}
		rate *= float64(r.grams[gramAt(bytesOf(literal), at)])
	}
	return min(rate, 1) * r.filled(l.column)
}

// rarest returns the literal with the gram that the fewest patterns have, of several the longest, and
// where the gram is; "" when all are shorter than a gram.
func (r *rates) rarest(literals []string) (literal string, at int) {
	fewest := 0
	for _, l := range literals {
		for i := 0; i+gramSize <= len(l); i++ {
			n := r.grams[gramAt(bytesOf(l), i)]
			if literal == "" || n < fewest || n == fewest && len(l) > len(literal) {
				literal, at, fewest = l, i, n
			}
		}
	}
	return literal, at
}

// order puts the parts of every operator in the order in which an answer is likely to cost least: of
// an And what is cheap and often false, of an Or what is cheap and often true.
func (r *rates) order() {
	s := r.set
	shared := make([]int, len(s.nodes))
	for i := range s.nodes {
		for _, p := range s.partsOf(int32(i)) {
			shared[p]++
		}
	}
	rate, cost := make([]float64, len(s.nodes)), make([]float64, len(s.nodes))
	for i := range s.nodes { // Parts come before what they are parts of.
		parts := s.partsOf(int32(i))
		switch s.nodes[i].op {
		case opTrue:
			rate[i] = 1
		case opFalse:
		case opNot:
			rate[i], cost[i] = 1-rate[parts[0]], cost[parts[0]]
		case opLeaf:
			rate[i], cost[i] = r.ofLeaf(s.leafOf(int32(i))), float64(s.costs[i])
		case opAnd:
			rate[i], cost[i] = orderParts(parts, rate, cost, false)
		case opOr:
			rate[i], cost[i] = orderParts(parts, rate, cost, true)
		}
		if r.seen != nil {
			rate[i] = r.seen.rate(r.seen.held[i], rate[i])
		}
		// What many look at is likely to be known already.
		cost[i] = costKnown + cost[i]/float64(max(shared[i], 1))
	}
}

// costKnown is the cost of an answer that is known, beside those of tests.
const costKnown = 0.3

// orderParts returns the rate and the cost of the whole; deciding is the answer that ends it.
func orderParts(parts []int32, rate, cost []float64, deciding bool) (whole, all float64) {
	ends := func(p int32) float64 {
		if deciding {
			return max(rate[p], leastRate)
		}
		return max(1-rate[p], leastRate)
	}
	slices.SortStableFunc(parts, func(x, y int32) int { return cmp.Compare(cost[x]/ends(x), cost[y]/ends(y)) })
	goes := 1.0
	for _, p := range parts {
		all += goes * cost[p]
		goes *= 1 - min(ends(p), 1)
	}
	if deciding {
		return 1 - goes, all
	}
	return goes, all
}

func (r *rates) ofLeaf(l *atom) float64 {
	switch l.kind {
	case equalLeaf:
		return r.ofText(l)
	case textLeaf:
		return min(r.ofText(l), anyPattern)
	case existsLeaf:
		return r.filled(l.column)
	default:
		return half
	}
}
