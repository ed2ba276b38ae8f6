package condition

import (
	"slices"

	"tocsin/internal/diag/invariants"
)

// check checks the invariants of a graph.
func (g *graph) check() {
	firstPart, firstLeaf := int32(0), int32(0)
	for i, n := range g.nodes {
		switch n.op {
		case opLeaf:
			if n.first != firstLeaf {
				invariants.Break("node %d is leaf %d, but the next one is %d", i, n.first, firstLeaf)
			}
			firstLeaf++
			g.checkLeaf(int32(i))
		case opTrue, opFalse:
			if n.count != 0 {
				invariants.Break("the constant %d has parts", i)
			}
		case opNot, opAnd, opOr:
			if n.first != firstPart || int(n.first+n.count) > len(g.parts) {
				invariants.Break("the parts of node %d are not its own: %d to %d, the next is %d of %d", i, n.first, n.first+n.count, firstPart, len(g.parts))
			}
			firstPart += n.count
			g.checkParts(int32(i), n)
		}
	}
	for m, root := range g.roots {
		if root != none && (root < 0 || int(root) >= len(g.nodes)) {
			invariants.Break("the root of %s is %d of %d nodes", g.members[m].Expr, root, len(g.nodes))
		}
	}
	for c := range g.networks {
		g.networks[c].all(func(test int32) {
			if l := g.leafOf(test); l == nil || l.kind != networkAtom || l.column != int32(c) {
				invariants.Break("the networks of [%s] lead to node %d, which is not a test of them", g.columns[c].Name, test)
			}
		})
	}
}

// checkParts: parts come before the whole, each once, and no part is redundant.
func (g *graph) checkParts(i int32, n node) {
	parts := n.of(g.parts)
	if n.op == opNot && len(parts) != 1 || n.op != opNot && len(parts) < 2 {
		invariants.Break("node %d, %s, has %d parts", i, n.op.name(), len(parts))
	}
	seen := map[int32]bool{}
	for _, p := range parts {
		if p < 0 || p >= i || seen[p] {
			invariants.Break("node %d, %s, has the part %d: not one of those before, or twice", i, n.op.name(), p)
		}
		seen[p] = true
		if inner := g.nodes[p].op; inner == opTrue || inner == opFalse || inner == n.op {
			invariants.Break("node %d, %s, has %s as a part", i, n.op.name(), inner.name())
		}
	}
}

func (g *graph) checkLeaf(i int32) {
	l := g.leafOf(i)
	within := func(what string, at int32, of int, wanted bool) {
		if wanted != (at != none) || int(at) >= of || at < none {
			invariants.Break("leaf %d, of kind %d: %s %d of %d", i, l.kind, what, at, of)
		}
	}
	onColumn := l.kind != objectAtom && l.kind != rowAtom && l.kind != nestedAtom
	within("column", l.column, len(g.columns), onColumn)
	within("object", l.object, len(g.objects), l.kind == objectAtom)
	within("row", l.row, len(g.rows), l.kind == rowAtom)
	within("test", l.test, len(g.tests), l.kind == equalAtom || l.kind == textAtom)
	within("numbers", l.numbers, len(g.numbers), l.numbers != none && l.kind == valueAtom)
	t := g.testOf(l)
	if t == nil {
		return
	}
	if l.kind == equalAtom && !slices.Equal(t.equal, []string{l.text}) {
		invariants.Break("leaf %d compares with %q, its test with %q", i, l.text, t.equal)
	}
	if folded := slices.Concat(slices.Concat(t.literals...), t.equal[:len(t.equal)*asNumber(l.fold)]); slices.ContainsFunc(folded, func(s string) bool { return foldASCII(s) != s }) {
		invariants.Break("leaf %d looks for %q in texts with their letters lowered", i, folded)
	}
}

func asNumber(b bool) int {
	if b {
		return 1
	}
	return 0
}

// check checks an arrangement against its graph.
func (a *arrangement) check(g *graph) {
	for i, n := range g.nodes {
		own, of := slices.Sorted(slices.Values(n.of(a.parts))), slices.Sorted(slices.Values(g.partsOf(int32(i))))
		if !slices.Equal(own, of) {
			invariants.Break("node %d is arranged as %v, and has the parts %v", i, own, of)
		}
	}
	tests, gates := make([][]int32, len(g.roots)), make([][]int32, len(g.roots))
	for i, led := range a.led {
		if len(led) == 0 {
			continue
		}
		if !slices.IsSorted(led) || len(slices.Compact(slices.Clone(led))) < len(led) {
			invariants.Break("test %d leads to %v: not in order, or twice", i, led)
		}
		switch l := g.leafOf(int32(i)); {
		case slices.Contains(a.direct, int32(i)):
		case l == nil || l.column == none || !a.index.has(g, l, int32(i)):
			invariants.Break("nothing leads to node %d, and that to %v", i, led)
		}
		for _, m := range led {
			tests[m] = append(tests[m], int32(i))
			if gate := a.index.gateOf(g, int32(i)); gate != none {
				gates[m] = append(gates[m], gate)
			} else {
				gates[m] = append(gates[m], int32(i))
			}
		}
	}
	for m, root := range g.roots {
		switch always := slices.Contains(a.always, int32(m)); {
		case root == none && (always || tests[m] != nil):
			invariants.Break("what could not be compiled is looked for: %s", g.members[m].Expr)
		case root == none || always:
		case g.without(root, tests[m]) != no, g.without(root, gates[m]) != no:
			invariants.Break("the anchor %v does not lead to all events of %s", tests[m], g.members[m].Expr)
		}
	}
}

// verdict is what is known of an answer.
type verdict uint8

const (
	open verdict = iota
	no
	yes
)

// without returns what is known of a node's answer if the given tests do not hold and nothing else
// is known.
func (g *graph) without(root int32, tests []int32) verdict {
	known := map[int32]verdict{}
	for _, n := range tests {
		known[n] = no
	}
	var of func(n int32) verdict
	of = func(n int32) verdict {
		if v, ok := known[n]; ok {
			return v
		}
		v := open
		switch parts := g.partsOf(n); g.nodes[n].op {
		case opFalse:
			v = no
		case opTrue:
			v = yes
		case opNot:
			v = [...]verdict{open: open, no: yes, yes: no}[of(parts[0])]
		case opAnd:
			v = joined(parts, of, no, yes)
		case opOr:
			v = joined(parts, of, yes, no)
		case opLeaf:
		}
		known[n] = v
		return v
	}
	return of(root)
}

// joined returns what is known of an operator from its parts: a part with the deciding answer
// decides; otherwise all parts must have the other answer.
func joined(parts []int32, of func(int32) verdict, deciding, other verdict) verdict {
	all := other
	for _, p := range parts {
		if v := of(p); v == deciding {
			return deciding
		} else if v == open {
			all = open
		}
	}
	return all
}

// has reports whether an index leads to a test from every value for which it may hold.
func (x *index) has(g *graph, l *atom, test int32) bool {
	c := &x.columns[l.column]
	switch t := g.testOf(l); {
	case !c.any:
		return false
	case slices.Contains(c.filled, test):
		return true
	case t != nil && t.equal != nil:
		return !slices.ContainsFunc(t.equal, func(text string) bool {
			return c.lengths&lengthBit(text) == 0 || !slices.Contains(x.texts.find(l.column, text), test)
		})
	case t != nil:
		leads := func(text string) bool {
			if leadsTo(c.grams, text, test) {
				return true
			}
			return slices.ContainsFunc(c.gated, func(x gatedGrams) bool { return leadsTo(x.grams, text, test) })
		}
		return slices.ContainsFunc(t.literals, func(list []string) bool {
			return !slices.ContainsFunc(list, func(text string) bool { return !leads(text) })
		})
	case l.numbers != none:
		return !slices.ContainsFunc(g.numbers[l.numbers], func(n number) bool { return !slices.Contains(c.numbers[n], test) })
	}
	return false
}

func leadsTo(list []grams, text string, test int32) bool {
	return slices.ContainsFunc(list, func(grams grams) bool {
		found := false
		grams.each(text, func(tests []int32) { found = found || slices.Contains(tests, test) })
		return found
	})
}

// gateOf returns the only gate behind which a test is looked for; none if it has none, or several.
func (x *index) gateOf(g *graph, test int32) int32 {
	l := g.leafOf(test)
	if l == nil || l.column == none {
		return none
	}
	c, gate := &x.columns[l.column], none
	for _, behind := range c.gated {
		for _, of := range behind.grams {
			for _, literal := range of.literals {
				if slices.Contains(literal.tests, test) {
					if gate != none && gate != behind.gate {
						return none
					}
					gate = behind.gate
				}
			}
		}
	}
	return gate
}
