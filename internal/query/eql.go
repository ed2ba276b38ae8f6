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
	p := newPlan(r, q, TimeRange(r))
	prepared, more := p.Assume(planned)
	if prepared == nil {
		return nil, append(diags, more...)
	}
	if l, ok := p.(interface{ learn(prepared Prepared) }); ok {
		l.learn(prepared)
	}
	return p, append(diags, more...)
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
