package condition

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// anchors lead from the texts of one column, folded, to the tests that may hold of them.
type anchors struct {
	any bool
	// texts are by whole text.
	texts map[string][]int32
	grams grams
	// members are led to by a test that holds.
	members map[int32][]int32
}

// anchoring chooses the anchors of all members. An anchor of a condition is a set of tests of which
// one at least holds when the condition does; the best is the one that holds least often.
type anchoring struct {
	set *Set
	// uses counts how often the members compare a column with a text, total with any text.
	uses  map[columnText]int
	total map[int32]int
	// grams counts the patterns of all columns in which a gram stands.
	grams map[uint32]int
	// known are the anchors of nodes.
	known map[int32]anchor
}

type columnText struct {
	column int32
	text   string
}

// anchor is the tests of an anchor, and an estimate of how often one holds.
type anchor struct {
	tests []int32
	rate  float64
	ok    bool
}

func newAnchoring(s *Set) *anchoring {
	a := &anchoring{set: s, uses: map[columnText]int{}, total: map[int32]int{}, grams: map[uint32]int{}, known: map[int32]anchor{}}
	counted := map[int32]bool{}
	for _, root := range s.roots {
		clear(counted)
		if root != none {
			a.count(root, counted)
		}
	}
	for i := range s.leaves {
		for _, literal := range s.leaves[i].test.literals {
			for at := 0; at+gramSize <= len(literal); at++ {
				a.grams[gramAt(bytesOf(literal), at)]++
			}
		}
	}
	return a
}

// count counts the texts of one member, each once.
func (a *anchoring) count(n int32, counted map[int32]bool) {
	if counted[n] {
		return
	}
	counted[n] = true
	for _, p := range a.set.nodes[n].parts {
		a.count(p, counted)
	}
	if a.set.nodes[n].op != opLeaf {
		return
	}
	l := &a.set.leaves[a.set.nodes[n].leaf]
	for _, text := range l.test.equal {
		a.uses[columnText{l.column, foldASCII(text)}]++
		a.total[l.column]++
	}
}

// of returns the best anchor of a node.
func (a *anchoring) of(n int32) anchor {
	if known, ok := a.known[n]; ok {
		return known
	}
	best := a.find(n)
	a.known[n] = best
	return best
}

func (a *anchoring) find(n int32) anchor {
	switch node := &a.set.nodes[n]; node.op {
	case opFalse:
		return anchor{ok: true}
	case opLeaf:
		return a.ofLeaf(n, &a.set.leaves[node.leaf])
	case opAnd:
		var best anchor
		for _, p := range node.parts {
			if one := a.of(p); one.ok && (!best.ok || one.rate < best.rate) {
				best = one
			}
		}
		return best
	case opOr:
		all := anchor{ok: true}
		for _, p := range node.parts {
			one := a.of(p)
			if !one.ok {
				return anchor{}
			}
			all.tests, all.rate = append(all.tests, one.tests...), all.rate+one.rate
		}
		return all
	default:
		return anchor{}
	}
}

// Estimates of how often a test holds. Nothing is known of the documents: a text that many members
// ask for is taken to be a common one, as is a literal that stands in many patterns.
const (
	smoothing = 8
	// perPattern is the rate of a literal of gramSize bytes, of which each further byte takes a half;
	// leastRate is where that ends.
	perPattern = 1.0 / 16
	leastRate  = 1.0 / 512
)

func (a *anchoring) ofLeaf(n int32, l *atom) anchor {
	if l.kind != textLeaf {
		return anchor{}
	}
	if l.test.equal != nil {
		rate := 0.0
		for _, text := range l.test.equal {
			rate += float64(a.uses[columnText{l.column, foldASCII(text)}]) / float64(a.total[l.column]+smoothing)
		}
		return anchor{[]int32{n}, rate, true}
	}
	literal, at := a.rarest(l.test.literals)
	if literal == "" {
		return anchor{}
	}
	rate := perPattern
	for range len(literal) - gramSize {
		rate = max(rate/2, leastRate)
	}
	return anchor{[]int32{n}, rate * float64(a.grams[gramAt(bytesOf(literal), at)]), true}
}

// rarest returns the literal with the gram that the fewest patterns have, of several the longest;
// "" when all are shorter than a gram.
func (a *anchoring) rarest(literals []string) (literal string, at int) {
	fewest := 0
	for _, l := range literals {
		for i := 0; i+gramSize <= len(l); i++ {
			n := a.grams[gramAt(bytesOf(l), i)]
			if literal == "" || n < fewest || n == fewest && len(l) > len(literal) {
				literal, at, fewest = l, i, n
			}
		}
	}
	return literal, at
}

// place hangs every member on its anchor.
func (a *anchoring) place() {
	s := a.set
	s.anchors = make([]anchors, len(s.columns))
	literals := make([]map[string]*gramOf, len(s.columns))
	for m, root := range s.roots {
		if root == none {
			continue
		}
		best := a.of(root)
		if !best.ok {
			s.always = append(s.always, int32(m))
			continue
		}
		slices.Sort(best.tests)
		for _, n := range slices.Compact(best.tests) {
			l := &s.leaves[s.nodes[n].leaf]
			at := &s.anchors[l.column]
			if at.members == nil {
				*at = anchors{any: true, texts: map[string][]int32{}, members: map[int32][]int32{}}
				literals[l.column] = map[string]*gramOf{}
			}
			if at.members[n] == nil {
				a.hang(at, literals[l.column], n, l)
			}
			at.members[n] = append(at.members[n], int32(m))
		}
	}
	for i := range s.anchors {
		var all []gramOf
		for _, key := range slices.SortedFunc(maps.Keys(literals[i]), func(x, y string) int { return cmp.Or(cmp.Compare(len(y), len(x)), strings.Compare(x, y)) }) {
			all = append(all, *literals[i][key])
		}
		s.anchors[i].grams = newGrams(all)
	}
}

// hang makes the texts of a test lead to it.
func (a *anchoring) hang(at *anchors, literals map[string]*gramOf, n int32, l *atom) {
	if l.test.equal != nil {
		for _, text := range l.test.equal {
			text = foldASCII(text)
			if !slices.Contains(at.texts[text], n) {
				at.texts[text] = append(at.texts[text], n)
			}
		}
		return
	}
	literal, offset := a.rarest(l.test.literals)
	if literals[literal] == nil {
		literals[literal] = &gramOf{literal: literal, offset: offset}
	}
	literals[literal].tests = append(literals[literal].tests, n)
}
