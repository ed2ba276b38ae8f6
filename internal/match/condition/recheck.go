package condition

import (
	"slices"

	"tocsin/internal/diag/invariants"
)

// each compiles the members of a graph separately; nil for members that are not in it.
func (g *graph) each() []*Matcher {
	out := make([]*Matcher, len(g.roots))
	for i, root := range g.roots {
		if root == none {
			continue
		}
		one, err := Compile(Simplify(g.members[i].Expr), g.members[i].Fields)
		if err != nil {
			invariants.Break("a set takes what alone is refused, as %v: %s", err, g.members[i].Expr)
		}
		out[i] = one
	}
	return out
}

// The number of members of a large set, and the sampling interval of documents for it.
const (
	manyMembers     = 64
	checkedOfMany   = 61
	checkedOfOthers = 7
)

// checked reports whether the current document is one of those that are checked.
func (m *Matching) checked() bool {
	if len(m.graph.roots) > manyMembers {
		return m.count%checkedOfMany == 1
	}
	return m.count%checkedOfOthers == 1
}

// Recheck compares the result of the last Match with the result of every member by itself on the
// same document, which may be read in another way. It does so for some documents only, and only
// where [invariants] are checked. A difference is a broken invariant.
func (m *Matching) Recheck(read func() (Document, error), scope Scope) {
	if !invariants.Enabled || !m.checked() {
		return
	}
	d, err := read()
	if err != nil {
		return // The reader reports that.
	}
	m.recheck(d, scope)
}

func (m *Matching) recheck(d Document, scope Scope) {
	for i, one := range m.graph.alone() {
		if one == nil || !scope.has(int32(i)) {
			continue
		}
		holds, crashed := one.try(d)
		if _, found := slices.BinarySearch(m.found, int32(i)); !crashed && found != holds {
			invariants.Break("together with %d others the answer is %t, alone %t, for %s", len(m.graph.roots)-1, found, !found, m.graph.members[i].Expr)
		}
	}
}

// try is like Match, except that it reports a crash, which the set may not have run into.
func (m *Matcher) try(d Document) (holds, crashed bool) {
	defer func() {
		if v := recover(); v != nil {
			invariants.Recovered(v)
			crashed = true
		}
	}()
	return m.Match(d), false
}
