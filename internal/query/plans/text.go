package plans

import (
	"cmp"

	"tocsin/internal/diag"
	"tocsin/internal/query"
	"tocsin/internal/query/binding"
	"tocsin/internal/query/single"
	"tocsin/internal/query/steps"
	"tocsin/internal/rule"
	"tocsin/internal/search"
	"tocsin/internal/translate"
)

// planEQL plans a rule of type eql: single events, sequences or samples.
func planEQL(r *rule.Rule) (query.Plan, diag.List) {
	return planText(r, rule.EQL, translate.Options{CategoryField: r.EventCategoryOverride})
}

// planText plans what a rule's query says.
func planText(r *rule.Rule, language rule.Language, o translate.Options) (query.Plan, diag.List) {
	q, diags := translate.Parse(language, r.Query, o)
	if q == nil {
		return nil, diags
	}
	p, more := planParsed(r, q)
	return p, append(diags, more...)
}

// ForCondition plans a rule whose condition is no text of a query language. The plan is nil when a
// diagnostic is an error.
func ForCondition(r *rule.Rule, c translate.Condition) (query.Plan, diag.List) {
	if diags := checkNames(r); len(diags) > 0 {
		return nil, diags
	}
	return planParsed(r, translate.Of(c))
}

// planParsed plans what a query says, and tries it on the types of ECS.
func planParsed(r *rule.Rule, q translate.Query) (query.Plan, diag.List) {
	p := newPlan(r, q, query.TimeRange(r))
	prepared, diags := p.Assume(binding.TrialTime)
	if prepared == nil {
		return nil, diags
	}
	if l, ok := p.(interface{ InferStrategy(prepared query.Prepared) }); ok {
		l.InferStrategy(prepared)
	}
	return p, diags
}

// newPlan chooses the plan for the shape of a query.
func newPlan(r *rule.Rule, q translate.Query, time search.TimeRange) query.Plan {
	base := binding.New(r, q, time, r.TiebreakerField)
	orderBy := cmp.Or(r.TimestampField, search.DefaultTimestamp)
	if q.Shape() == translate.Events {
		return single.New(base, orderBy)
	}
	return steps.New(base, orderBy)
}

// planQuery plans a rule of type query, which Kibana calls a custom query: single events.
func planQuery(r *rule.Rule) (query.Plan, diag.List) {
	if diags := binding.Unsupported(r); len(diags) > 0 {
		return nil, diags
	}
	return planText(r, r.Language, translate.Options{})
}
