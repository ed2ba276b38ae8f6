package eql_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"tocsin/internal/condition"
	"tocsin/internal/diag"
	"tocsin/internal/event"
	"tocsin/internal/translate/eql"
)

// FuzzTranslate translates any text completely: no panic, at most a second, diagnostics inside the
// text, and a printed query with the same meaning.
func FuzzTranslate(f *testing.F) {
	for _, seed := range []string{
		`process where k == "a*" and not args : ("b?", "c") or n >= -1.5e3`,
		`any where ?x != null and length(k) > 5 and substring(k, -2, null) regex~ "a.*(b|c){2,3}"`,
		"any /* a /* b */ */ where `my-field/x` in~ (\"\\u{202e}\", \"\"\"raw\"\"\") // end",
		`sequence by k with maxspan=30s [any where true] by n ![any where b] by n with runs=2 until [any where cidrMatch(ip, "10.0.0.0/8")] by n | tail 3`,
		`sample by k [any where true] [any where between(k, "a", "b", true) == "c"]`,
		`any where (n + 1) * 2 % 3 == number("0x10") and stringContains~(concat(k, "x"), string(ip))`,
	} {
		f.Add(seed)
	}
	documents := documentsOf(f)
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 10_000 {
			t.Skip()
		}
		start := time.Now()
		checkWholeWay(t, src, documents)
		if took := time.Since(start); took > time.Second {
			t.Errorf("took %s", took)
		}
	})
}

func documentsOf(f *testing.F) []*event.Document {
	f.Helper()
	var documents []*event.Document
	for _, source := range []string{`{}`, `{"k":"abc","args":["a","b"],"n":5,"d":1.5,"b":true,"t":"2026-01-01T00:00:00Z","ip":"10.0.0.1","both":"x"}`} {
		e := event.Event{Source: json.RawMessage(source)}
		d, err := e.Document()
		if err != nil {
			f.Fatal(err)
		}
		documents = append(documents, d)
	}
	return documents
}

func checkWholeWay(t *testing.T, src string, documents []*event.Document) {
	t.Helper()
	text := diag.NewText("query", src)
	q, diags := eql.Parse(text)
	checkPlaces(t, src, diags)
	if q == nil {
		return
	}
	checkRoundTrip(t, q)
	conditions, diags := lowerAll(q, text)
	checkPlaces(t, src, diags)
	for _, e := range conditions {
		superset, exact := condition.Pushdown(e, testFields)
		if _, err := json.Marshal(condition.DSL(superset)); err != nil {
			t.Error(err)
		}
		whole, err := condition.Compile(e, testFields)
		if err != nil {
			continue // such as an invalid date
		}
		wide, err := condition.Compile(superset, testFields)
		if err != nil {
			t.Errorf("%s compiles and %s does not: %v", e, superset, err)
			continue
		}
		for _, d := range documents {
			if w, s := whole.Match(d), wide.Match(d); w && !s || exact && w != s {
				t.Errorf("%s is %t, pushed down %s is %t", e, w, superset, s)
			}
		}
	}
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

func checkPlaces(t *testing.T, src string, diags diag.List) {
	t.Helper()
	lines := strings.Count(src, "\n") + 1
	for _, d := range diags {
		if d.Line < 1 || d.Line > lines || d.Column < 1 || d.Column > len(src)+1 {
			t.Errorf("%s is outside of %q", d.Place(), src)
		}
	}
}
