package condition

import (
	"cmp"
	"slices"

	"tocsin/internal/diag/invariants"
)

// arrangement is how a graph is evaluated at the least cost. It does not affect the answers.
type arrangement struct {
	// parts holds the parts of the graph's operators, each operator's parts in order of evaluation.
	parts []int32
	// index leads from values to tests, led from tests that hold to members. direct are the tests that no value leads to:
	// they are evaluated for each document.
	index  index
	led    [][]int32
	direct []int32
	// always holds the members that have no anchor.
	always []int32
}

// arrange chooses the order of parts and the anchors, by a sample of documents if there is one. If
// a crash while choosing leaves either of them empty, every member is evaluated for each document.
func arrange(g *graph, r *rates, seen *sample) (out *arrangement) {
	defer func() {
		if v := recover(); v != nil {
			if invariants.Enabled {
				panic(v)
			}
			out = unarranged(g)
		}
	}()
	a := &anchoring{graph: g, rates: r, seen: seen, shares: make([]float64, len(g.columns))}
	out = &arrangement{parts: slices.Clone(g.parts)}
	a.parts, a.costs = out.parts, r.order(out.parts, seen)
	a.place(out)
	for range mostShares {
		if !a.share() {
			break
		}
		a.place(out)
	}
	out.index = newIndex(r, a.tests, a.gated, nil)
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
// at least one holds whenever the condition does: mostly leaves that values of a document lead to. The
// best anchor is the cheapest one.
type anchoring struct {
	graph *graph
	rates *rates
	seen  *sample
	parts []int32
	costs costs
	// shares are what each test that is found by a text in a column has to bear of going through the column's texts.
	shares []float64
	// known holds the anchors of the nodes that were found, tests the tests that the index has to lead to.
	known []anchor
	found []bool
	tests []int32
	gated []gated
}

// anchor is the tests of an anchor, each once. A node and a node that it is a part of may share the
// slice of tests, so it is never modified.
type anchor struct {
	tests []int32
	// gated are further tests, which matter only where another one holds.
	gated []gated
	// looked is the cost of looking for the tests, held how often one holds, and after the cost of
	// then evaluating the node.
	looked, held tally
	after        float64
	ok           bool
}

// tally is what was counted in a sample, and what is assumed without one. Of many tests together both
// add up; but beside a sample, no more is assumed of them than of one that always holds, which is
// most: a thousand texts of which the sample has none are rare.
type tally struct{ seen, assumed, most float64 }

func (t tally) with(o tally) tally {
	return tally{t.seen + o.seen, t.assumed + o.assumed, max(t.most, o.most)}
}

// costMember is the cost of offering a member, besides its tests.
const costMember = 3

// total returns the cost of a member's anchor for each document.
func (a *anchoring) total(x anchor) float64 {
	return a.seen.rateOf(x.looked) + a.rate(x)*(costMember+x.after)
}

// rate returns how often a test of an anchor holds.
func (a *anchoring) rate(x anchor) float64 { return min(a.seen.rateOf(x.held), 1) }

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
		return a.ofNode(n)
	}
}

// ofNode: any node is a test of itself, evaluated for each document. That is cheap where many members
// share it, such as that an event has none of the fields by which sources are told apart.
func (a *anchoring) ofNode(n int32) anchor {
	if a.graph.nodes[n].op == opTrue {
		return anchor{}
	}
	return anchor{tests: []int32{n}, looked: a.seen.constant(max(a.costs.cost[n]-costKnown, 0)), held: a.seen.constant(a.costs.rate[n]), ok: true}
}

// ofLeaf: a test of a column has an anchor by the texts that it wants, by a literal in them, or by
// any value at all, as it never holds without a value. Looking up a text or a number costs next to
// nothing. A test that is found by a literal, or by any value, is evaluated as often as there is
// one.
func (a *anchoring) ofLeaf(n int32, l *atom) anchor {
	if l.column == none {
		return a.ofNode(n)
	}
	out := anchor{tests: []int32{n}, held: tally{float64(a.seen.heldOf(n)), a.rates.held[n], 1}, ok: true}
	cost := float64(a.graph.costs[n])
	switch t := a.graph.testOf(l); {
	case t != nil && t.equal != nil, l.numbers != none:
	case t != nil && len(a.rates.found[l.test]) > 0:
		out.looked = tally{float64(a.seen.nearOf(n)) * cost, a.rates.held[n] * cost, cost}.with(a.seen.constant(a.shares[l.column]))
	default:
		cost = max(a.costs.cost[n]-costKnown, 0) // Members share it.
		out.looked = tally{float64(a.seen.filledOf(l.column)) * cost, a.rates.filled(l.column) * cost, cost}
	}
	return out
}

// ofAnd returns the anchor of one part: the one for which looking for it and then evaluating the
// other parts costs the least.
func (a *anchoring) ofAnd(parts []int32) (best anchor) {
	all, reached := 0.0, 1.0
	for _, p := range parts {
		all, reached = all+reached*a.costs.cost[p], reached*max(a.costs.rate[p], minRate)
	}
	before := 0.0
	reached = 1
	at := 0
	for i, p := range parts {
		rate, cost := max(a.costs.rate[p], minRate), a.costs.cost[p]
		if one := a.of(p); one.ok {
			// The parts before are evaluated as usual. The part itself holds more often, so the
			// parts behind it are evaluated more often.
			holds := min(a.costs.rate[p]/max(a.rate(one), minRate), 1)
			behind := (all - before - reached*cost) / rate
			one.after = before + reached*one.after + holds*max(behind, 0)
			if !best.ok || a.total(one) < a.total(best) {
				best, at = one, i
			}
		}
		before, reached = before+reached*cost, reached*rate
	}
	if !best.ok {
		return best
	}
	return a.behindGate(best, parts, at)
}

// ofOr returns the union of the anchors of all parts.
func (a *anchoring) ofOr(n int32, parts []int32) anchor {
	all := anchor{ok: true, after: a.costs.cost[n]}
	for _, p := range parts {
		one := a.of(p)
		if !one.ok {
			return anchor{}
		}
		all.tests, all.gated = append(all.tests, one.tests...), append(all.gated, one.gated...)
		all.looked, all.held = all.looked.with(one.looked), all.held.with(one.held)
	}
	slices.Sort(all.tests)
	slices.SortFunc(all.gated, func(x, y gated) int { return cmp.Or(cmp.Compare(x.test, y.test), cmp.Compare(x.gate, y.gate)) })
	all.tests, all.gated = slices.Compact(all.tests), slices.Compact(all.gated)
	return all
}

// place registers every member under its anchor.
func (a *anchoring) place(out *arrangement) {
	a.known, a.found, a.tests, a.gated = make([]anchor, len(a.graph.nodes)), make([]bool, len(a.graph.nodes)), nil, nil
	out.led, out.direct, out.always = make([][]int32, len(a.graph.nodes)), nil, nil
	open := make([]bool, len(a.graph.nodes))
	lead := func(n, member int32) {
		if led := out.led[n]; len(led) == 0 || led[len(led)-1] != member {
			out.led[n] = append(led, member)
		}
	}
	found := func(n int32) {
		if l := a.graph.leafOf(n); l == nil || l.column == none {
			out.direct = append(out.direct, n)
			return
		}
		a.tests = append(a.tests, n)
	}
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
			if !open[n] {
				open[n] = true
				found(n)
			}
			lead(n, int32(m))
		}
		for _, x := range best.gated {
			a.gated = append(a.gated, x)
			lead(x.test, int32(m))
		}
	}
	// What has to be looked for in any case needs no gate.
	slices.SortFunc(a.gated, func(x, y gated) int { return cmp.Or(cmp.Compare(x.gate, y.gate), cmp.Compare(x.test, y.test)) })
	a.gated = slices.DeleteFunc(slices.Compact(a.gated), func(x gated) bool { return open[x.test] })
}
