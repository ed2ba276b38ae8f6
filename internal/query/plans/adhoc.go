package plans

import (
	"cmp"
	"slices"

	"tocsin/internal/diag"
	"tocsin/internal/query"
	"tocsin/internal/query/esqlrule"
	"tocsin/internal/query/steps"
	"tocsin/internal/rule"
	"tocsin/internal/search"
	"tocsin/internal/translate"
	"tocsin/internal/translate/esql"
)

// AdHocQuery is a query that no rule holds.
type AdHocQuery struct {
	Text     diag.Text
	Language rule.Language
	Index    []string
	// The fields of time, category and tiebreaker; "" means the language's own.
	TimestampField, CategoryField, TiebreakerField string
	// SamplesPerKey is the number of samples wanted per key; 0 means 1.
	SamplesPerKey int
}

// AdHoc plans a query in a supported language. The plan is nil when a diagnostic is an error.
func AdHoc(q AdHocQuery) (query.Plan, diag.List) {
	if q.Language == rule.ESQL {
		return adHocESQL(q)
	}
	parsed, diags := translate.Parse(q.Language, q.Text, translate.Options{CategoryField: q.CategoryField, Strict: true})
	if parsed == nil {
		return nil, diags
	}
	if q.TimestampField == "" {
		q.TimestampField = search.DefaultTimestamp
	}
	r := &rule.Rule{
		Name: "query", Language: q.Language, Query: q.Text, Index: q.Index,
		TimestampField: q.TimestampField, TiebreakerField: q.TiebreakerField,
	}
	p := newPlan(r, parsed, search.TimeRange{Field: q.TimestampField})
	if groups, ok := p.(*steps.Plan); ok {
		groups.WantPerKey(max(1, q.SamplesPerKey))
	}
	return p, diags
}

// adHocESQL plans a query in ES|QL. The query names its indices itself.
func adHocESQL(q AdHocQuery) (query.Plan, diag.List) {
	parsed, diags := esql.Parse(q.Text)
	if parsed == nil {
		return nil, diags
	}
	field := cmp.Or(q.TimestampField, search.DefaultTimestamp)
	r := &rule.Rule{Name: "query", Type: rule.TypeESQL, Language: rule.ESQL, Query: q.Text}
	return esqlrule.ForQuery(r, parsed, search.TimeRange{Field: field}), diags
}

// Languages returns the languages of ad hoc queries, sorted. Queries in SPL are planned by package catalog, which has
// their macros and lookups.
func Languages() []rule.Language {
	languages := append(translate.Languages(), rule.ESQL, rule.SPL)
	slices.Sort(languages)
	return languages
}
