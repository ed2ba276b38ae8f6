package lucene_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"tocsin/internal/condition"
	"tocsin/internal/diag"
	"tocsin/internal/event"
	"tocsin/internal/translate/lucene"
)

// FuzzTranslate translates any text completely: no panic, at most a second, diagnostics inside the
// text, and a printed query with the same tree.
func FuzzTranslate(f *testing.F) {
	for _, seed := range []string{
		`k:(a OR "b c" AND NOT d*) && !n:>=5`, `+(k:a -txt:"x y"~2^3) _exists_:k || *:*`, `k:[a TO "b c"} n:{* TO 5]`, `k:\u0041\:\"* AND /a\/b/^2`,
		`a - b ! c`, `k:(a b c OR d)`, `k:a~ k:b~1 k:c~AUTO`, `t:[now-1d TO now] OR ip:10.0.0.0\/8`, `flat.a:(x* y? /z/)`, `((((`, `k:"`, `k\*:*`, `\`,
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
	for _, source := range []string{`{}`, `{"k":"a","n":5,"b":true,"t":"2026-01-01T00:00:00Z","ip":"10.0.0.1","flat":{"a":"x"}}`} {
		d, err := (&event.Event{Source: json.RawMessage(source)}).Document()
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
	q, diags := lucene.Parse(text)
	checkPlaces(t, src, diags)
	if q == nil {
		return
	}
	checkRoundTrip(t, q)
	e, diags := lucene.Lower(q, text, lucene.Options{Fields: testFields})
	checkPlaces(t, src, diags)
	if e == nil {
		return
	}
	superset, exact := condition.Pushdown(e, testFields)
	if _, err := json.Marshal(condition.DSL(superset)); err != nil {
		t.Error(err)
	}
	whole, err := condition.Compile(e, testFields)
	if err != nil {
		return // Such as analysed text.
	}
	wide, err := condition.Compile(superset, testFields)
	if err != nil {
		t.Fatalf("%s compiles and %s does not: %v", e, superset, err)
	}
	for _, d := range documents {
		if w, s := whole.Match(d), wide.Match(d); w && !s || exact && w != s {
			t.Errorf("%s is %t, pushed down %s is %t", e, w, superset, s)
		}
	}
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
