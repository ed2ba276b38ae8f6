package condition

import (
	"cmp"
	"iter"
	"math/bits"
	"slices"
)

// rates are estimates of how often tests hold. Without a sample, a column that many members test is
// assumed to be common, and so are a text that many of them want and a literal that occurs in many
// patterns. A sample corrects the estimates.
type rates struct {
	graph *graph
	// testers counts the members that test a column, total how often they want a whole text or a
	// number of it.
	testers, total []int32
	// members counts the members that a node is a part of.
	members []int32
	// leaves holds the tests of columns; texts finds the tests of whole texts among them.
	leaves []int32
	texts  textTable
	// grams counts, by gram hash of gramBits, the patterns that contain the gram.
	grams    []uint32
	gramBits uint8
	// found holds the literals that lead to each text test: one occurs whenever it holds.
	found [][]literal
	// held estimates how often a leaf holds.
	held []float64
}

// literal is a text by which a test is found, with the offset of the gram that leads to the text. The
// zero value means no literal.
type literal struct {
	text   string
	offset int
}

const (
	// smoothing is how many texts that no member wants are as common as one that a single member
	// wants.
	smoothing = 8
	// perPattern is the rate of a literal of minGram bytes; each further byte halves it, down to
	// minRate. anyPattern is the rate of a pattern without a literal of that size.
	perPattern = 1.0 / 4
	minRate    = 1.0 / 512
	anyPattern = 1.0 / 4
	// half is the rate of a test about which nothing is known.
	half = 1.0 / 2
	// leastGramBits and mostGramBits bound the size of the hashes by which grams are counted; it grows with the number of
	// tests.
	leastGramBits, mostGramBits = 8, 16
)

func newRates(g *graph) *rates {
	gramBits := min(max(bits.Len(uint(len(g.tests)))+4, leastGramBits), mostGramBits)
	r := &rates{
		gramBits: uint8(gramBits), graph: g, testers: make([]int32, len(g.columns)), total: make([]int32, len(g.columns)), members: make([]int32, len(g.nodes)),
		grams: make([]uint32, 1<<gramBits), found: make([][]literal, len(g.tests)), held: make([]float64, len(g.nodes)),
	}
	r.count()
	for i := range g.tests {
		for _, list := range g.tests[i].literals {
			for _, text := range list {
				for l := range gramsOf(text) {
					r.grams[r.hash(l)]++
				}
			}
		}
	}
	for i := range g.tests {
		r.found[i] = r.rarest(g.tests[i].literals)
	}
	for n := range g.nodes {
		if l := g.leafOf(int32(n)); l != nil && l.column != none {
			r.leaves = append(r.leaves, int32(n))
		}
	}
	r.texts = newTextTable(g, r.leaves)
	for _, n := range r.leaves {
		if l := g.leafOf(n); l.test != none {
			r.texts.add(l.column, g.tests[l.test].equal, n)
		}
	}
	for n := range g.nodes {
		if l := g.leafOf(int32(n)); l != nil {
			r.held[n] = r.ofLeaf(l)
		}
	}
	return r
}

// count counts what each member tests, once.
func (r *rates) count() {
	g := r.graph
	counted, looked := make([]int32, len(g.nodes)), make([]int32, len(g.columns))
	var visit func(n, member int32)
	visit = func(n, member int32) {
		if counted[n] == member {
			return
		}
		counted[n] = member
		r.members[n]++
		for _, p := range g.partsOf(n) {
			visit(p, member)
		}
		l := g.leafOf(n)
		if l == nil || l.column == none {
			return
		}
		if looked[l.column] != member {
			looked[l.column] = member
			r.testers[l.column]++
		}
		switch t := g.testOf(l); {
		case t != nil:
			r.total[l.column] += int32(len(t.equal))
		case l.numbers != none:
			r.total[l.column] += int32(len(g.numbers[l.numbers]))
		}
	}
	for m, root := range g.roots {
		if root != none {
			visit(root, int32(m+1))
		}
	}
}

// filled returns how often a column has a value.
func (r *rates) filled(column int32) float64 {
	return float64(r.testers[column]) / float64(len(r.graph.roots)+1)
}

func (r *rates) ofLeaf(l *atom) float64 {
	switch l.kind {
	case valueAtom:
		if l.numbers != none {
			asked := float64(len(r.graph.numbers[l.numbers]))
			return r.filled(l.column) * asked / (float64(r.total[l.column]) + smoothing)
		}
		return half
	case equalAtom:
		return r.ofText(l)
	case textAtom:
		return min(r.ofText(l), anyPattern)
	case existsAtom:
		return r.filled(l.column)
	default:
		return half
	}
}

// ofText returns how often a text test holds.
func (r *rates) ofText(l *atom) float64 {
	rate, t := 0.0, &r.graph.tests[l.test]
	switch found := r.found[l.test]; {
	case t.equal != nil:
		for _, text := range t.equal {
			asked := int32(0)
			for _, n := range r.texts.find(l.column, text) {
				asked += r.members[n]
			}
			rate += float64(asked) / float64(r.total[l.column]+smoothing)
		}
	case len(found) == 0:
		return r.filled(l.column)
	default:
		for _, literal := range found {
			one := perPattern
			for range len(literal.text) - minGram {
				one = max(one/2, minRate)
			}
			rate += one * float64(r.grams[r.hash(literal)])
		}
	}
	return min(rate, 1) * r.filled(l.column)
}

// gramsOf yields a literal once for each of its grams.
func gramsOf(text string) iter.Seq[literal] {
	return func(yield func(literal) bool) {
		size := min(len(text), gramSize)
		for at := 0; size >= minGram && at+size <= len(text); at++ {
			if !yield(literal{text, at}) {
				return
			}
		}
	}
}

// hash returns the number of a literal's gram, 0 for none.
func (r *rates) hash(l literal) uint32 {
	if l.text == "" {
		return 0
	}
	return hashGram(l.gram(), 32-r.gramBits)
}

// rarest returns the list of which the shortest gram is longest, each text with its rarest gram. Ties go to the
// list with the fewest texts, then to the grams in the fewest patterns, then to the longest literals. It returns nil when
// all lists have a text that is too short.
func (r *rates) rarest(lists [][]string) (rarest []literal) {
	var best reckoned
	for _, list := range lists {
		out := make([]literal, len(list))
		now := reckoned{size: gramSize}
		for i, text := range list {
			out[i] = r.rarestIn(text)
			now = now.with(out[i], r.grams[r.hash(out[i])])
		}
		if now.size > 0 && (rarest == nil || now.compare(best) > 0) {
			rarest, best = out, now
		}
	}
	return rarest
}

// reckoned is what counts of a list: its shortest gram, its number of texts, the patterns with its grams, and its
// shortest text.
type reckoned struct{ size, texts, patterns, shortest int }

func (x reckoned) with(l literal, patterns uint32) reckoned {
	if x.texts == 0 || len(l.text) < x.shortest {
		x.shortest = len(l.text)
	}
	if l.text == "" {
		return reckoned{texts: x.texts + 1}
	}
	return reckoned{min(x.size, l.size()), x.texts + 1, x.patterns + int(patterns), x.shortest}
}

func (x reckoned) compare(y reckoned) int {
	return cmp.Or(cmp.Compare(x.size, y.size), cmp.Compare(y.texts, x.texts), cmp.Compare(y.patterns, x.patterns), cmp.Compare(x.shortest, y.shortest))
}

// rarestIn returns a text with its rarest gram; none if it is too short.
func (r *rates) rarestIn(text string) (rarest literal) {
	fewest := uint32(0)
	for l := range gramsOf(text) {
		if n := r.grams[r.hash(l)]; rarest.text == "" || n < fewest {
			rarest, fewest = l, n
		}
	}
	return rarest
}

// costs holds how often nodes hold, and the cost of evaluating them if the answer is not known yet.
type costs struct{ rate, cost []float64 }

// order sorts the parts of every operator so that the expected cost is least: in an And first what
// is cheap and often false, in an Or first what is cheap and often true.
func (r *rates) order(parts []int32, seen *sample) costs {
	g := r.graph
	shared := make([]int32, len(g.nodes))
	for _, p := range parts {
		shared[p]++
	}
	c := costs{make([]float64, len(g.nodes)), make([]float64, len(g.nodes))}
	for i, n := range g.nodes { // Parts come before the nodes that contain them.
		own := n.of(parts)
		switch n.op {
		case opTrue:
			c.rate[i] = 1
		case opFalse:
		case opNot:
			c.rate[i], c.cost[i] = 1-c.rate[own[0]], c.cost[own[0]]
		case opLeaf:
			c.rate[i], c.cost[i] = seen.rate(seen.heldOf(int32(i)), r.held[i]), float64(g.costs[i])
		case opAnd:
			c.rate[i], c.cost[i] = c.sort(own, false)
		case opOr:
			c.rate[i], c.cost[i] = c.sort(own, true)
		}
		// The answer of a widely shared node is probably known already.
		c.cost[i] = costKnown + c.cost[i]/float64(max(shared[i], 1))
	}
	return c
}

// costKnown is the cost of using a known answer, relative to the cost of tests.
const costKnown = 0.3

// ends returns how often the answer of a part decides; deciding is the answer that does.
func (c costs) ends(p int32, deciding bool) float64 {
	if deciding {
		return max(c.rate[p], minRate)
	}
	return max(1-c.rate[p], minRate)
}

// sort sorts the parts and returns the rate and the cost of the whole.
func (c costs) sort(parts []int32, deciding bool) (whole, all float64) {
	slices.SortStableFunc(parts, func(x, y int32) int {
		return cmp.Compare(c.cost[x]/c.ends(x, deciding), c.cost[y]/c.ends(y, deciding))
	})
	reached := 1.0
	for _, p := range parts {
		all += reached * c.cost[p]
		reached *= 1 - min(c.ends(p, deciding), 1)
	}
	if deciding {
		return 1 - reached, all
	}
	return reached, all
}
