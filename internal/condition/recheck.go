package condition

import (
	"slices"

	"tocsin/internal/invariants"
)

// alone are the matchers of a set's members, each compiled by itself; nil where that is refused.
func alone(members []Member) []*Matcher {
	out := make([]*Matcher, len(members))
	for i, m := range members {
		if one, err := Compile(Simplify(m.Expr), m.Fields); err == nil {
			out[i] = one
		}
	}
	return out
}

// How many members make a set large, and of how many documents one is checked.
const (
	manyMembers     = 64
	checkedOfMany   = 61
	checkedOfOthers = 7
)

// checked reports whether the document at hand is one of those that are checked.
func (m *Matching) checked() bool {
	if len(m.graph.roots) > manyMembers {
		return m.count%checkedOfMany == 1
	}
	return m.count%checkedOfOthers == 1
}

// Recheck holds what the last Match found against what every member finds by itself in the same document,
// which may be read in another way; of some documents only. It does so where [invariants] are checked, and a
// difference is one that is broken.
func (m *Matching) Recheck(read func() (Document, error), scope Scope) {
	if !invariants.Enabled || !m.checked() {
		return
	}
	d, err := read()
	if err != nil {
		return // It is the reader's to say.
	}
	m.recheck(d, scope)
}

func (m *Matching) recheck(d Document, scope Scope) {
	for i, one := range m.graph.alone() {
		if one == nil || !scope.has(int32(i)) {
			continue
		}
		if _, found := slices.BinarySearch(m.found, int32(i)); found != one.Match(d) {
			invariants.Break("together with %d others the answer is %t, alone %t, for %s", len(m.graph.roots)-1, found, !found, m.graph.members[i].Expr)
		}
	}
}
