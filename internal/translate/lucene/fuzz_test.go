package lucene_test

import (
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/testkit/conformance"
	"tocsin/internal/translate/lucene"
)

// FuzzTranslate runs the whole way of a query on any text.
func FuzzTranslate(f *testing.F) {
	conformance.Way[lucene.Query]{
		Folder: "lucene", Parse: lucene.Parse, RoundTrip: checkRoundTrip, Fields: testFields,
		Lower: func(q *lucene.Query, text diag.Text) ([]condition.Expr, diag.List) {
			e, diags := lucene.Lower(q, text, lucene.Options{Fields: testFields})
			if e == nil {
				return nil, diags
			}
			return []condition.Expr{e}, diags
		},
		Documents: []string{`{}`, `{"k":"a","n":5,"b":true,"t":"2026-01-01T00:00:00Z","ip":"10.0.0.1","flat":{"a":"x"}}`},
	}.Fuzz(f,
		`k:(a OR "b c" AND NOT d*) && !n:>=5`, `+(k:a -txt:"x y"~2^3) _exists_:k || *:*`, `k:[a TO "b c"} n:{* TO 5]`, `k:\u0041\:\"* AND /a\/b/^2`,
		`a - b ! c`, `k:(a b c OR d)`, `k:a~ k:b~1 k:c~AUTO`, `t:[now-1d TO now] OR ip:10.0.0.0\/8`, `flat.a:(x* y? /z/)`, `((((`, `k:"`, `k\*:*`, `\`,
	)
}
