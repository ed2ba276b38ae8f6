package condition

import (
	"slices"

	"tocsin/internal/invariants"
)

// arrangement is how a graph is evaluated at least cost. It changes no answer.
type arrangement struct {
	// parts are those of the graph's operators, those of each in the order in which they are evaluated.
	parts []int32
	// index leads to tests, led from those that hold to members.
	index index
	led   [][]int32
	// always are the members that nothing leads to.
	always []int32
}

// arrange chooses the order of parts and the anchors, by a sample of documents if there is one. Without
// either of them, which a mistake in choosing can lead to, every member is evaluated for each document.
func arrange(g *graph, r *rates, seen *sample) (out *arrangement) {
	defer func() {
		if v := recover(); v != nil {
			if invariants.Enabled {
				panic(v)
			}
			out = unarranged(g)
		}
	}()
	a := &anchoring{graph: g, rates: r, seen: seen, known: make([]anchor, len(g.nodes)), found: make([]bool, len(g.nodes))}
	out = &arrangement{parts: slices.Clone(g.parts)}
	a.parts, a.costs = out.parts, r.order(out.parts, seen)
	a.place(out)
	if invariants.Enabled {
		out.check(g)
	}
	return out
}

func unarranged(g *graph) *arrangement {
	out := &arrangement{parts: g.parts, index: index{columns: make([]indexed, len(g.columns))}, led: make([][]int32, len(g.nodes))}
	for m, root := range g.roots {
		if root != none {
			out.always = append(out.always, int32(m))
		}
	}
	return out
}

// anchoring chooses the anchors of all members. An anchor of a condition is a set of tests of which
// one at least holds when the condition does; the best is the one that costs least.
type anchoring struct {
	graph *graph
	rates *rates
	seen  *sample
	parts []int32
	costs costs
	// known are the anchors of the nodes that were found.
	known []anchor
	found []bool
}

// anchor is the tests of an anchor, each once. A node and those that it is a part of may have the same
// anchor, so its tests are never changed.
type anchor struct {
	tests []int32
	// looks is what it costs to look for the tests, rate how often one holds, and after what it then costs to
	// evaluate the node.
	looks, rate, after float64
	ok                 bool
}

// costMember is what it costs to offer a member, beside the tests.
const costMember = 3

// total is what the anchor of a member costs for each document.
func (a anchor) total() float64 { return a.looks + a.rate*(costMember+a.after) }

// of returns the best anchor of a node.
func (a *anchoring) of(n int32) anchor {
	if !a.found[n] {
		a.known[n], a.found[n] = a.find(n), true
	}
	return a.known[n]
}

func (a *anchoring) find(n int32) anchor {
	switch node := a.graph.nodes[n]; node.op {
	case opFalse:
		return anchor{ok: true}
	case opLeaf:
		return a.ofLeaf(n, a.graph.leafOf(n))
	case opAnd:
		return a.ofAnd(node.of(a.parts))
	case opOr:
		return a.ofOr(n, node.of(a.parts))
	default:
		return anchor{}
	}
}

// ofLeaf: a test of a column is an anchor by the texts that it wants, by a literal in them, or, as
// it never holds without a value, by there being any. To look a text or a number up costs next to nothing; a
// test that is led to by a literal, or by any value, is made as often as there is one.
func (a *anchoring) ofLeaf(n int32, l *atom) anchor {
	if l.column == none {
		return anchor{}
	}
	out := anchor{tests: []int32{n}, rate: a.costs.rate[n], ok: true}
	switch t := a.graph.testOf(l); {
	case t != nil && t.equal != nil, l.numbers != none:
	case t != nil && a.rates.found[l.test].text != "":
		out.looks = a.seen.rate(a.seen.nearOf(n), a.rates.held[n]) * float64(a.graph.costs[n])
	default:
		out.looks = a.seen.rate(a.seen.filledOf(l.column), a.rates.filled(l.column)) * float64(a.graph.costs[n])
	}
	return out
}

// ofAnd takes the anchor of one part: that with which looking for it and evaluating the other parts where
// it holds costs least.
func (a *anchoring) ofAnd(parts []int32) (best anchor) {
	all, goes := 0.0, 1.0
	for _, p := range parts {
		all, goes = all+goes*a.costs.cost[p], goes*max(a.costs.rate[p], leastRate)
	}
	before := 0.0
	goes = 1
	for _, p := range parts {
		rate, cost := max(a.costs.rate[p], leastRate), a.costs.cost[p]
		if one := a.of(p); one.ok {
			// The parts before are evaluated as ever, the part itself holds more often, and so the parts behind are
			// evaluated more often.
			holds := min(a.costs.rate[p]/max(one.rate, leastRate), 1)
			behind := (all - before - goes*cost) / rate
			one.after = before + goes*one.after + holds*max(behind, 0)
			if !best.ok || one.total() < best.total() {
				best = one
			}
		}
		before, goes = before+goes*cost, goes*rate
	}
	return best
}

// ofOr takes the anchors of all parts.
func (a *anchoring) ofOr(n int32, parts []int32) anchor {
	all := anchor{ok: true, after: a.costs.cost[n]}
	for _, p := range parts {
		one := a.of(p)
		if !one.ok {
			return anchor{}
		}
		all.tests = append(all.tests, one.tests...)
		all.looks, all.rate = all.looks+one.looks, all.rate+one.rate
	}
	slices.Sort(all.tests)
	all.tests, all.rate = slices.Compact(all.tests), min(all.rate, 1)
	return all
}

// place hangs every member on its anchor.
func (a *anchoring) place(out *arrangement) {
	out.led = make([][]int32, len(a.graph.nodes))
	var tests []int32
	for m, root := range a.graph.roots {
		if root == none {
			continue
		}
		best := a.of(root)
		if !best.ok {
			out.always = append(out.always, int32(m))
			continue
		}
		for _, n := range best.tests {
			if out.led[n] == nil {
				tests = append(tests, n)
			}
			out.led[n] = append(out.led[n], int32(m))
		}
	}
	out.index = newIndex(a.rates, tests, nil)
}
