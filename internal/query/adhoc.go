package query

import (
	"tocsin/internal/diag"
	"tocsin/internal/rule"
	"tocsin/internal/search"
	"tocsin/internal/translate"
)

// AdHocQuery is a query that no rule holds.
type AdHocQuery struct {
	Text     diag.Text
	Language rule.Language
	Index    []string
	// The fields of time, category and tiebreaker; "" means the language's own.
	TimestampField, CategoryField, TiebreakerField string
}

// AdHoc plans a query in a supported language. The plan is nil when a diagnostic is an error.
func AdHoc(q AdHocQuery) (Plan, diag.List) {
	parsed, diags := translate.Parse(q.Language, q.Text, translate.Options{CategoryField: q.CategoryField})
	if parsed == nil {
		return nil, diags
	}
	if q.TimestampField == "" {
		q.TimestampField = search.DefaultTimestamp
	}
	r := &rule.Rule{Name: "query", Language: q.Language, Query: q.Text, Index: q.Index}
	return &eventPlan{
		rule: r, query: parsed, time: search.TimeRange{Field: q.TimestampField}, tiebreaker: q.TiebreakerField,
	}, diags
}
