package eql_test

import (
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/testkit/conformance"
	"tocsin/internal/translate/eql"
)

// FuzzTranslate runs the whole way of a query on any text.
func FuzzTranslate(f *testing.F) {
	conformance.Way[eql.Query]{
		Folder: "eql", Parse: eql.Parse, RoundTrip: checkRoundTrip, Lower: lowerAll, Fields: testFields,
		Documents: []string{`{}`, `{"k":"abc","args":["a","b"],"n":5,"d":1.5,"b":true,"t":"2026-01-01T00:00:00Z","ip":"10.0.0.1","both":"x"}`},
	}.Fuzz(f,
		`process where k == "a*" and not args : ("b?", "c") or n >= -1.5e3`,
		`any where ?x != null and length(k) > 5 and substring(k, -2, null) regex~ "a.*(b|c){2,3}"`,
		"any /* a /* b */ */ where `my-field/x` in~ (\"\\u{202e}\", \"\"\"raw\"\"\") // end",
		`sequence by k with maxspan=30s [any where true] by n ![any where b] by n with runs=2 until [any where cidrMatch(ip, "10.0.0.0/8")] by n | tail 3`,
		`sample by k [any where true] [any where between(k, "a", "b", true) == "c"]`,
		`any where (n + 1) * 2 % 3 == number("0x10") and stringContains~(concat(k, "x"), string(ip))`,
	)
}

func lowerAll(q *eql.Query, text diag.Text) ([]condition.Expr, diag.List) {
	opts := eql.Options{Fields: testFields}
	if q.Event != nil {
		e, diags := eql.Lower(q, text, opts)
		if e == nil {
			return nil, diags
		}
		return []condition.Expr{e}, diags
	}
	steps, diags := eql.LowerSteps(q, text, opts)
	if steps == nil {
		return nil, diags
	}
	var out []condition.Expr
	for _, s := range steps.Terms {
		out = append(out, s.Where)
	}
	return out, diags
}
