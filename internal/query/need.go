package query

import (
	"tocsin/internal/match/condition"
	"tocsin/internal/search"
)

// Need is what must be there before a rule can have a hit: an event that meets a condition, or several needs. The plan
// bound to other mappings has needs of the same form.
type Need struct {
	// Of says which part of the rule needs it; "" is the rule as a whole.
	Of string
	// Where is the condition that an event of Target must meet. It is nil if All or Any is set.
	Where condition.Expr
	// Target are the indices that the event is in, Time its time in a window.
	Target search.Target
	Time   search.TimeRange
	// All must be met, or one of Any.
	All, Any []Need
}

// Needy is a Prepared that says what must be there before it can have a hit. There may be further conditions.
type Needy interface {
	// Needs returns the need.
	Needs() Need
}

// Leaves returns the needs of events.
func (n *Need) Leaves() []*Need {
	if n.Where != nil {
		return []*Need{n}
	}
	var out []*Need
	for i := range n.All {
		out = append(out, n.All[i].Leaves()...)
	}
	for i := range n.Any {
		out = append(out, n.Any[i].Leaves()...)
	}
	return out
}

// Possible reports whether a need can be met, where possible decides it for the needs of events.
func (n *Need) Possible(possible func(leaf *Need) bool) bool {
	if n.Where != nil {
		return possible(n)
	}
	for i := range n.All {
		if !n.All[i].Possible(possible) {
			return false
		}
	}
	for i := range n.Any {
		if n.Any[i].Possible(possible) {
			return true
		}
	}
	return len(n.Any) == 0
}
