package conformance

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// Way is the complete path of a language from text to conditions, for fuzzing. Q is its syntax tree.
type Way[Q any] struct {
	// Folder is the language's directory of cases; their texts are seeds.
	Folder string
	// Parse parses a text. The tree is nil when there is an error.
	Parse func(diag.Text) (*Q, diag.List)
	// RoundTrip prints a tree, parses the text again, and fails the test unless the meaning is the same.
	RoundTrip func(*testing.T, *Q)
	// Lower returns the conditions of a tree under the fields; none when there is an error.
	Lower  func(*Q, diag.Text) ([]condition.Expr, diag.List)
	Fields mapping.Fields
	// Documents are matched with the conditions.
	Documents []string
}

// Fuzz runs the complete path on any text. It requires: no panic, at most one second, diagnostics inside the text,
// a printed query with the same meaning, and a search that finds every document that matches in memory.
func (w Way[Q]) Fuzz(f *testing.F, seeds ...string) {
	f.Helper()
	for _, key := range outcomes {
		texts, err := Written(w.Folder, key)
		if err != nil {
			f.Fatal(err)
		}
		for _, x := range texts {
			f.Add(x.Text)
		}
	}
	for _, seed := range seeds {
		f.Add(seed)
	}
	var documents []*event.Document
	for _, source := range w.Documents {
		d, err := (&event.Event{Source: json.RawMessage(source)}).Document()
		if err != nil {
			f.Fatal(err)
		}
		documents = append(documents, d)
	}
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 10_000 {
			t.Skip()
		}
		start := time.Now()
		w.check(t, src, documents)
		if took := time.Since(start); took > time.Second {
			t.Errorf("took %s", took)
		}
	})
}

func (w Way[Q]) check(t *testing.T, src string, documents []*event.Document) {
	t.Helper()
	text := diag.NewText("query", src)
	q, diags := w.Parse(text)
	CheckPlaces(t, src, diags)
	if q == nil {
		if !diags.HasErrors() {
			t.Error("neither a query nor an error")
		}
		return
	}
	w.RoundTrip(t, q)
	conditions, diags := w.Lower(q, text)
	CheckPlaces(t, src, diags)
	for _, e := range conditions {
		w.checkPushdown(t, e, documents)
	}
}

// checkPushdown requires that the search is not narrower than the condition, and equal if it is exact.
func (w Way[Q]) checkPushdown(t *testing.T, e condition.Expr, documents []*event.Document) {
	t.Helper()
	superset, exact := condition.Pushdown(e, w.Fields)
	if _, err := json.Marshal(condition.DSL(superset)); err != nil {
		t.Error(err)
	}
	whole, err := condition.Compile(e, w.Fields)
	if err != nil {
		return // analysed text, or an invalid date
	}
	wide, err := condition.Compile(superset, w.Fields)
	if err != nil {
		t.Errorf("%s compiles and %s does not: %v", e, superset, err)
		return
	}
	for _, d := range documents {
		if m, s := whole.Match(d), wide.Match(d); m && !s || exact && m != s {
			t.Errorf("%s is %t, pushed down %s is %t", e, m, superset, s)
		}
	}
}

// CheckPlaces requires that diagnostics are inside the text.
func CheckPlaces(t *testing.T, src string, diags diag.List) {
	t.Helper()
	lines := strings.Count(src, "\n") + 1
	for _, d := range diags {
		if d.Line < 1 || d.Line > lines || d.Column < 1 || d.Column > len(src)+1 {
			t.Errorf("%s is outside of %q", d.Place(), src)
		}
	}
}
