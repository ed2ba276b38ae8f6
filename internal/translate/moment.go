package translate

import (
	"encoding/json"
	"slices"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
)

// Moment is the context in which a rule is lowered: the mapping of its indices, and the time of
// "now" in its query, filters and exceptions. Only this type resolves "now": the resulting
// conditions mean the same whenever they are evaluated. With the zero time "now" stays unresolved,
// and no exception has expired.
type Moment struct {
	Fields mapping.Fields
	Now    time.Time
}

// Lowered is a condition for a moment.
type Lowered struct {
	Where condition.Expr
	// OfNow means that the condition may differ at another moment.
	OfNow bool
}

// Query lowers a query of events. Where is nil when a diagnostic is an error.
func (m Moment) Query(q Query) (Lowered, diag.List) {
	where, diags := q.Lower(m.Fields)
	if where == nil || diags.HasErrors() {
		return Lowered{}, diags
	}
	return m.lowered(where), diags
}

// Steps lowers a sequence or sample, with the rule's additional conditions on each event. The steps
// are nil when a diagnostic is an error.
func (m Moment) Steps(q Query, r *rule.Rule) (*Steps, diag.List) {
	steps, diags := q.LowerSteps(m.Fields)
	if steps == nil || diags.HasErrors() {
		return nil, diags
	}
	narrowing, more := m.Narrow(r)
	if diags = append(diags, more...); diags.HasErrors() {
		return nil, diags
	}
	out := *steps
	out.Terms = slices.Clone(steps.Terms)
	for i := range out.Terms {
		out.Terms[i].Where = condition.Simplify(condition.And{m.lowered(out.Terms[i].Where).Where, narrowing.Where})
	}
	if steps.Until != nil {
		until := *steps.Until
		until.Where = condition.Simplify(condition.And{m.lowered(until.Where).Where, narrowing.Where})
		out.Until = &until
	}
	return &out, diags
}

// Narrow returns the conditions on an event besides a rule's query: all filters match, and no
// exception in force does. Where is nil when a diagnostic is an error.
func (m Moment) Narrow(r *rule.Rule) (Lowered, diag.List) {
	filters, diags := Filters(r, "rule.filters", r.Filters, m.Fields)
	exceptions, more := Exceptions(r, m.Fields, m.Now)
	if diags = append(diags, more...); diags.HasErrors() {
		return Lowered{}, diags
	}
	return m.lowered(condition.And{filters, condition.Not{X: exceptions}}), diags
}

// lowered resolves the date math of a condition.
func (m Moment) lowered(e condition.Expr) Lowered {
	where, ofNow := condition.AsOf(e, m.Fields, m.Now)
	if !m.Now.IsZero() {
		where = condition.Map(where, func(leaf condition.Expr) condition.Expr {
			raw, isRaw := leaf.(condition.Raw)
			if !isRaw {
				return leaf
			}
			again, ofThis := m.raw(raw)
			ofNow = ofNow || ofThis
			return again
		})
	}
	where = condition.Simplify(where)
	// The remaining date math is resolved by Elasticsearch, or is on fields that are not dates
	// here.
	return Lowered{where, ofNow || condition.OfNow(where)}
}

// OfNow reports whether the meaning of a rule may depend on the time, whatever its indices map: its
// query, filters or exceptions contain date math on now.
func OfNow(q Query, r *rule.Rule) bool {
	// A condition under one mapping may be a clause under another.
	if _, isText := q.(luceneQuery); isText && condition.NowWithin(q.String()) {
		return true
	}
	if filters, err := json.Marshal(r.Filters); err != nil || condition.NowWithin(string(filters)) {
		return true
	}
	for _, fields := range []mapping.Fields{mapping.Untyped(), mapping.Assumed()} {
		m := Moment{Fields: fields}
		narrowing, diags := m.Narrow(r)
		if diags.HasErrors() {
			continue
		}
		if narrowing.OfNow {
			return true
		}
		if c, ok := q.(conditionQuery); ok {
			return c.OfNow()
		}
		if q.Shape() == Events {
			query, diags := m.Query(q)
			if diags.HasErrors() {
				continue
			}
			return query.OfNow
		}
		steps, diags := q.LowerSteps(fields)
		if steps == nil || diags.HasErrors() {
			continue
		}
		for _, t := range steps.Terms {
			if condition.OfNow(t.Where) {
				return true
			}
		}
		return steps.Until != nil && condition.OfNow(steps.Until.Where)
	}
	return true // it may depend on now
}
