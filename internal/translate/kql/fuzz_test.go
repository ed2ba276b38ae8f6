package kql_test

import (
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/testkit/conformance"
	"tocsin/internal/translate/kql"
)

// FuzzTranslate runs the whole way of a query on any text.
func FuzzTranslate(f *testing.F) {
	conformance.Way[kql.Query]{
		Folder: "kql", Parse: kql.Parse, RoundTrip: checkRoundTrip, Fields: testFields,
		Lower: func(q *kql.Query, text diag.Text) ([]condition.Expr, diag.List) {
			e, diags := kql.Lower(q, text, kql.Options{Fields: testFields})
			if e == nil {
				return nil, diags
			}
			return []condition.Expr{e}, diags
		},
		Documents: []string{`{}`, `{"k":"a","n":5,"b":true,"t":"2026-01-01T00:00:00Z","ip":"10.0.0.1","flat":{"a":"x"}}`},
	}.Fuzz(f,
		`k:(a or "b c" and not d*) and not n >= 5`, `nest:{ k:a and nest.k:* } or *:*`, `k*:"\u0041\"" and \u006eot or foo \or bar`,
		`k:\not x`, `not not a`, `k : C\:\\x* or ip:10.0.0.0/8 or t < now-1d`, "a\u00a0or\u00a0b", `null:(true or null)`, `((((`, `k:\n`,
	)
}
