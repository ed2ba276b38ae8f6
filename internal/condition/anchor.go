package condition

import (
	"maps"
	"slices"
)

// anchors lead from the texts of one column, folded, to the tests that may hold of them.
type anchors struct {
	any bool
	// lengths has a bit for each length of a whole text that leads to a test, the last for all others.
	lengths uint64
	grams   grams
	// filled are tests that may hold of any value.
	filled []int32
}

// anchoring chooses the anchors of all members. An anchor of a condition is a set of tests of which
// one at least holds when the condition does; the best is the one that holds least often.
type anchoring struct {
	set   *Set
	rates *rates
	// known are the anchors of nodes.
	known map[int32]anchor
	texts map[columnText][]int32
}

// anchor is the tests of an anchor, each once, and an estimate of how often one holds; of a sample, of
// what it costs to look for them and to evaluate what they lead to. A node and those that it is a part of
// may have the same anchor, so its tests are never changed.
type anchor struct {
	tests []int32
	rate  float64
	ok    bool
}

// arrange chooses the order of parts and the anchors, by a sample of documents if there is one.
func (s *Set) arrange(seen *sample) {
	r := newRates(s, seen)
	r.order()
	(&anchoring{set: s, rates: r, known: map[int32]anchor{}}).place()
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
	switch a.set.nodes[n].op {
	case opFalse:
		return anchor{ok: true}
	case opLeaf:
		return a.ofLeaf(n, a.set.leafOf(n))
	case opAnd:
		var best anchor
		for _, p := range a.set.partsOf(n) {
			if one := a.of(p); one.ok && (!best.ok || one.rate < best.rate) {
				best = one
			}
		}
		return best
	case opOr:
		all := anchor{ok: true}
		for _, p := range a.set.partsOf(n) {
			one := a.of(p)
			if !one.ok {
				return anchor{}
			}
			all.tests, all.rate = append(all.tests, one.tests...), all.rate+one.rate
		}
		slices.Sort(all.tests)
		all.tests = slices.Compact(all.tests)
		return all
	default:
		return anchor{}
	}
}

// ofLeaf: a test of a column is an anchor by the texts that it wants, by a literal in them, or, as
// it never holds without a value, by there being any.
func (a *anchoring) ofLeaf(n int32, l *atom) anchor {
	if l.column != none && a.rates.seen != nil {
		return anchor{[]int32{n}, a.seen(n, l), true}
	}
	switch {
	case l.column == none:
		return anchor{}
	case l.kind == equalLeaf, l.kind == textLeaf:
		return anchor{[]int32{n}, a.rates.ofText(l), true}
	default:
		return anchor{[]int32{n}, a.rates.filled(l.column), true}
	}
}

// costMember is what it costs to evaluate a member, beside the tests.
const costMember = 6

// seen is what an anchor costs by a sample: to look up a text costs next to nothing; a test that is
// led to by a literal, or by any value, is made as often as there is one.
func (a *anchoring) seen(n int32, l *atom) float64 {
	of, cost := a.rates.seen, float64(a.set.costs[n])
	rate := of.rate(of.held[n], a.rates.ofLeaf(l))
	if l.test != none {
		t := &a.set.tests[l.test]
		if t.equal != nil {
			return rate * costMember
		}
		if literal, _ := a.rates.rarest(t.literals); literal != "" {
			return of.rate(of.near[n], a.rates.ofLeaf(l))*cost + rate*costMember
		}
	}
	return of.rate(of.filled[l.column], a.rates.filled(l.column))*cost + rate*costMember
}

// place hangs every member on its anchor.
func (a *anchoring) place() {
	s := a.set
	a.texts = map[columnText][]int32{}
	s.anchors, s.led = make([]anchors, len(s.columns)), make([][]int32, len(s.nodes))
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
		for _, n := range best.tests {
			l := s.leafOf(n)
			at := &s.anchors[l.column]
			if !at.any {
				at.any = true
				literals[l.column] = map[string]*gramOf{}
			}
			if s.led[n] == nil {
				a.hang(at, literals[l.column], n, l)
			}
			s.led[n] = append(s.led[n], int32(m))
		}
	}
	s.texts = newTextTable(a.texts)
	for i := range s.anchors {
		var all []gramOf
		for _, literal := range slices.Sorted(maps.Keys(literals[i])) {
			all = append(all, *literals[i][literal])
		}
		s.anchors[i].grams = newGrams(all)
	}
}

func lengthBit(text string) uint64 { return 1 << min(len(text), 63) }

// hang makes what a column has lead to a test.
func (a *anchoring) hang(at *anchors, literals map[string]*gramOf, n int32, l *atom) {
	var t textTest
	if l.test != none {
		t = a.set.tests[l.test]
	}
	for _, text := range t.equal {
		key := columnText{l.column, foldASCII(text)}
		if !slices.Contains(a.texts[key], n) {
			a.texts[key] = append(a.texts[key], n)
			at.lengths |= lengthBit(key.text)
		}
	}
	if t.equal != nil {
		return
	}
	literal, offset := a.rates.rarest(t.literals)
	if literal == "" {
		at.filled = append(at.filled, n)
		return
	}
	if literals[literal] == nil {
		literals[literal] = &gramOf{literal: literal, offset: offset}
	}
	literals[literal].tests = append(literals[literal].tests, n)
}
