package query

import (
	"cmp"

	"tocsin/internal/diag"
	"tocsin/internal/rule"
	"tocsin/internal/search"
	"tocsin/internal/translate"
)

// planEQL plans a rule of type eql: single events, sequences or samples.
func planEQL(r *rule.Rule) (Plan, diag.List) {
	return planText(r, rule.EQL, translate.Options{CategoryField: r.EventCategoryOverride})
}

// planText plans what a rule's query says, and tries it on the types of ECS.
func planText(r *rule.Rule, language rule.Language, o translate.Options) (Plan, diag.List) {
	q, diags := translate.Parse(language, r.Query, o)
	if q == nil {
		return nil, diags
	}
	p, more := planParsed(r, q)
	return p, append(diags, more...)
}

// ForCondition plans a rule whose condition is no text of a query language. The plan is nil when a
// diagnostic is an error.
func ForCondition(r *rule.Rule, c translate.Condition) (Plan, diag.List) {
	if diags := checkNames(r); len(diags) > 0 {
		return nil, diags
	}
	return planParsed(r, translate.Of(c))
}

// planParsed plans a rule that asks for what a query says.
func planParsed(r *rule.Rule, q translate.Query) (Plan, diag.List) {
	p := newPlan(r, q, TimeRange(r))
	prepared, diags := p.Assume(planned)
	if prepared == nil {
		return nil, diags
	}
	if l, ok := p.(interface{ learn(prepared Prepared) }); ok {
		l.learn(prepared)
	}
	return p, diags
}

// newPlan chooses the plan for the shape of a query.
func newPlan(r *rule.Rule, q translate.Query, time search.TimeRange) Plan {
	base := newQueryPlan(r, q, time, r.TiebreakerField)
	orderBy := cmp.Or(r.TimestampField, search.DefaultTimestamp)
	if q.Shape() == translate.Events {
		p := &eventPlan{queryPlan: base}
		if orderBy != search.DefaultTimestamp && orderBy != time.Field {
			p.orderBy = orderBy
		}
		return p
	}
	// A sequence goes by the events' own time, whichever time its windows are about.
	return &groupPlan{queryPlan: base, orderBy: orderBy, perKey: 1}
}

// TimeRange says which field a rule's windows are about: the override with @timestamp where it is
// missing, else @timestamp. The timestamp field of EQL is about the order of events only.
func TimeRange(r *rule.Rule) search.TimeRange {
	const field = search.DefaultTimestamp
	if r.TimestampOverride == "" || r.TimestampOverride == field {
		return search.TimeRange{Field: field}
	}
	if r.TimestampOverrideFallbackDisabled {
		return search.TimeRange{Field: r.TimestampOverride}
	}
	return search.TimeRange{Field: r.TimestampOverride, Fallback: field}
}
