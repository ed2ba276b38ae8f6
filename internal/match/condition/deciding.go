package condition

import (
	"math"
	"slices"
	"strconv"
)

// Op is the operator of an inner node of a [Trace].
type Op string

// The operators. A node without one is a leaf.
const (
	OpAnd Op = "and"
	OpOr  Op = "or"
	OpNot Op = "not"
)

// Decided is what decides the result of a trace.
type Decided struct {
	// Trace is the trace, with its deciding leaves marked.
	Trace Trace
	// Clauses are the deciding leaves, in the order of the trace. Leaves that are the same test are one clause.
	Clauses []Trace
	// Smallest: no smaller set of clauses would change the result. It is false only for traces with so many repeated
	// tests that not all sets could be tried.
	Smallest bool
}

// mostTries bounds the sets of repeated tests that [Decide] tries.
const mostTries = 20_000

// Decide finds the smallest set of clauses such that the result of the trace changes when the result of each of them
// changes and all others stay as they are; of sets of the same size always the same one. A test that stands in several places is one clause: it has the same result for the document in all of them.
func Decide(t Trace) Decided {
	d := decider{clauses: map[string]int{}}
	root := d.node(t)
	best, smallest := d.smallest(root, !t.Holds)
	out := Decided{Trace: t, Smallest: smallest}
	for _, id := range best {
		d.deciding[id] = true
	}
	out.Trace = d.mark(t, &out.Clauses)
	return out
}

// decider holds the leaves of a trace as numbers: equal tests have one.
type decider struct {
	clauses  map[string]int
	places   []int  // how often each clause stands in the trace
	pinned   []bool // clauses that stand in several places
	flipped  []bool // pinned clauses whose result is supposed to be changed
	deciding []bool
	listed   []bool
}

// decidedNode is a node of the trace, reduced to what the search for a smallest set needs.
type decidedNode struct {
	op     Op
	holds  bool
	clause int
	parts  []decidedNode
	// valued: the document has a value of a field of the node.
	valued bool
}

// identity is the same for leaves that are one clause. A test may have different results under different mappings: it is
// then another clause.
func identity(t Trace) string { return strconv.FormatBool(t.Holds) + " " + t.Text }

func (d *decider) node(t Trace) decidedNode {
	if t.Op == "" {
		id, known := d.clauses[identity(t)]
		if !known {
			id = len(d.places)
			d.clauses[identity(t)] = id
			d.places, d.pinned, d.flipped = append(d.places, 0), append(d.pinned, false), append(d.flipped, false)
			d.deciding, d.listed = append(d.deciding, false), append(d.listed, false)
		}
		d.places[id]++
		return decidedNode{holds: t.Holds, clause: id, valued: len(t.Values) > 0}
	}
	n := decidedNode{op: t.Op}
	for _, p := range t.Parts {
		part := d.node(p)
		n.parts, n.valued = append(n.parts, part), n.valued || part.valued
	}
	return n
}

// smallest returns the smallest set of clauses that gives the node a result, and whether it is certain that there is no
// smaller one. Clauses in one place are decided by [decider.cost]; each set of the others is tried, in the order of
// size, as long as it alone is smaller than the best set.
func (d *decider) smallest(root decidedNode, want bool) (best []int, certain bool) {
	var repeated []int
	for id, places := range d.places {
		if places > 1 {
			repeated = append(repeated, id)
			d.pinned[id] = true
		}
	}
	size, tries := impossible, 0
	var set []int
	var try func(from, left int) bool
	try = func(from, left int) bool {
		if left == 0 {
			if tries++; tries > mostTries {
				return false
			}
			if cost := d.cost(root, want); cost < impossible && cost+len(set) < size {
				size = cost + len(set)
				best = d.pick(root, want, append([]int(nil), set...))
			}
			return true
		}
		for i := from; i+left <= len(repeated); i++ {
			id := repeated[i]
			d.flipped[id] = true
			set = append(set, id)
			more := try(i+1, left-1)
			set = set[:len(set)-1]
			d.flipped[id] = false
			if !more {
				return false
			}
		}
		return true
	}
	for n := 0; n <= len(repeated) && n < size; n++ {
		if !try(0, n) {
			return d.anySet(root, want, best), false
		}
	}
	return best, true
}

// anySet returns best, or if that is empty, the clauses of a smallest set of leaves, if changing them has the result.
func (d *decider) anySet(root decidedNode, want bool, best []int) []int {
	if len(best) > 0 {
		return best
	}
	clear(d.pinned)
	clear(d.flipped)
	set := d.pick(root, want, nil)
	for _, id := range set {
		d.flipped[id], d.pinned[id] = true, true
	}
	if d.cost(root, want) > 0 {
		return nil
	}
	slices.Sort(set)
	return slices.Compact(set)
}

// impossible is the cost of a result that a node cannot have.
const impossible = math.MaxInt32

// cost returns how many clauses must change, besides the pinned ones, for a node to have a result. Every node has one
// result at no cost: the one that it has.
func (d *decider) cost(n decidedNode, want bool) int {
	switch n.op {
	case OpNot:
		return d.cost(n.parts[0], !want)
	case OpAnd, OpOr:
		if want == (n.op == OpAnd) { // every part must have it
			sum := 0
			for _, p := range n.parts {
				sum = min(impossible, sum+d.cost(p, want))
			}
			return sum
		}
		least := impossible
		for _, p := range n.parts {
			least = min(least, d.cost(p, want))
		}
		return least
	}
	switch now := n.holds != d.flipped[n.clause]; {
	case now == want:
		return 0
	case d.pinned[n.clause]:
		return impossible
	}
	return 1
}

// pick adds the clauses whose number [decider.cost] returns. Of parts that cost the same it takes the first of which the
// document has a value: people look for the test that the event nearly meets.
func (d *decider) pick(n decidedNode, want bool, to []int) []int {
	switch n.op {
	case OpNot:
		return d.pick(n.parts[0], !want, to)
	case OpAnd, OpOr:
		if want == (n.op == OpAnd) {
			for _, p := range n.parts {
				to = d.pick(p, want, to)
			}
			return to
		}
		least, first := impossible, 0
		for i, p := range n.parts {
			if c := d.cost(p, want); c < least || c == least && p.valued && !n.parts[first].valued {
				least, first = c, i
			}
		}
		return d.pick(n.parts[first], want, to)
	}
	if (n.holds != d.flipped[n.clause]) != want {
		to = append(to, n.clause)
	}
	return to
}

// mark returns a copy of the trace with the deciding leaves marked, and lists each of them once.
func (d *decider) mark(t Trace, list *[]Trace) Trace {
	t.Deciding = false
	if t.Op == "" {
		id := d.clauses[identity(t)]
		if t.Deciding = d.deciding[id]; t.Deciding && !d.listed[id] {
			d.listed[id] = true
			*list = append(*list, t)
		}
		return t
	}
	parts := make([]Trace, len(t.Parts))
	for i, p := range t.Parts {
		parts[i] = d.mark(p, list)
	}
	t.Parts = parts
	return t
}
