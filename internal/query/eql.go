package query

import (
	"tocsin/internal/diag"
	"tocsin/internal/rule"
	"tocsin/internal/search"
	"tocsin/internal/translate"
)

// planEQL plans a rule of type eql. Only event queries can be lowered so far; the language reports
// the others at their place.
func planEQL(r *rule.Rule) (Plan, diag.List) {
	q, diags := translate.Parse(rule.EQL, r.Query, translate.Options{CategoryField: r.EventCategoryOverride})
	if q == nil {
		return nil, diags
	}
	p := &eventPlan{rule: r, query: q, time: timeRange(r), tiebreaker: r.TiebreakerField}
	if _, more := p.Assume(); more.HasErrors() {
		return nil, append(diags, more...)
	}
	return p, diags
}

// timeRange says which field a rule's windows are about: the override with @timestamp where it is
// missing, else the timestamp field, else @timestamp.
func timeRange(r *rule.Rule) search.TimeRange {
	field := search.DefaultTimestamp
	if r.TimestampField != "" {
		field = r.TimestampField
	}
	if r.TimestampOverride == "" || r.TimestampOverride == field {
		return search.TimeRange{Field: field}
	}
	if r.TimestampOverrideFallbackDisabled {
		return search.TimeRange{Field: r.TimestampOverride}
	}
	return search.TimeRange{Field: r.TimestampOverride, Fallback: field}
}
