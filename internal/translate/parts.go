package translate

import (
	"fmt"
	"slices"

	"tocsin/internal/match/condition"
	"tocsin/internal/rule"
)

// Parts returns what an event must meet for a rule, apart: the condition of its query, each filter, and each exception
// in force, as its negation. Together they are true of exactly the events of [Moment.Query] and [Moment.Narrow]. The
// parts of the rule besides its query have names. Parts are nil if the rule cannot be lowered.
func (m Moment) Parts(q Query, r *rule.Rule) []condition.Part {
	where, diags := m.Query(q)
	if where.Where == nil || diags.HasErrors() {
		return nil
	}
	return append([]condition.Part{{Where: where.Where}}, m.narrowing(r)...)
}

// StepParts is Parts for each step of a sequence or sample, and for its until, which is last.
func (m Moment) StepParts(q Query, r *rule.Rule) [][]condition.Part {
	steps, diags := q.LowerSteps(m.Fields)
	if steps == nil || diags.HasErrors() {
		return nil
	}
	all := slices.Clip(steps.Terms)
	if steps.Until != nil {
		all = append(all, *steps.Until)
	}
	narrowing := m.narrowing(r)
	parts := make([][]condition.Part, len(all))
	for i, s := range all {
		parts[i] = append([]condition.Part{{Where: m.lowered(s.Where).Where}}, narrowing...)
	}
	return parts
}

// narrowing returns the named parts. Filters and exceptions that cannot be lowered are errors of the rule, which is not
// bound then.
func (m Moment) narrowing(r *rule.Rule) []condition.Part {
	var parts []condition.Part
	for i, f := range r.Filters {
		e, err := filter(f, m.Fields)
		if err != nil {
			continue
		}
		if where := m.lowered(e).Where; where != condition.Expr(condition.Const(true)) {
			parts = append(parts, condition.Part{Of: fmt.Sprintf("filter %d", i+1), Where: where})
		}
	}
	for _, item := range r.Exceptions {
		if !item.InForce(m.Now) {
			continue
		}
		l := exceptionLowerer{item: item, fields: m.Fields}
		where := m.lowered(condition.Not{X: l.lower()}).Where
		if where != condition.Expr(condition.Const(true)) {
			parts = append(parts, condition.Part{Of: ExceptionPart(item), Where: where})
		}
	}
	return parts
}

// ExceptionPart is the name of an exception among the parts of a rule.
func ExceptionPart(item *rule.ExceptionItem) string {
	name := item.Name
	if name == "" {
		name = item.ItemID
	}
	return fmt.Sprintf("exception %q of list %s", name, item.ListID)
}
