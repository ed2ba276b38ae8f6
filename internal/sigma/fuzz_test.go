package sigma_test

import (
	"context"
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/sigma"
	"tocsin/internal/testkit/conformance"
)

// FuzzLoad: whatever a file says, it is read without a crash, what is wrong has a place in it, and a rule without an error
// can be lowered and asked.
func FuzzLoad(f *testing.F) {
	for _, path := range []string{"rows.jsonl", "language.jsonl"} {
		rows, err := conformance.SigmaRows("../testkit/conformance/testdata/sigma/" + path)
		if err != nil {
			f.Fatal(err)
		}
		for _, r := range rows {
			f.Add(r.Rule)
		}
	}
	fields := mapping.Assumed()
	doc := event.NewDocument(map[string]any{"F": "x", "A": []any{"y", 1.5, nil}, "a": map[string]any{"b": true}})
	f.Fuzz(func(t *testing.T, text string) {
		library, list, err := sigma.Load(context.Background(), sigma.Options{Placeholders: map[string][]string{"a": {"b*"}}}, diag.NewText("r.yml", text)) //nolint:usetesting // a target has many runs
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range library.Rules {
			list = append(list, r.Diags...)
			r.Rule([]string{"logs-*"}, nil)
			if r.Detection == nil || r.Diags.HasErrors() {
				continue
			}
			c := r.Condition()
			_, _ = c.HoldsOfNothing(), c.Names()
			where, more := c.Lower(fields)
			if more.HasErrors() {
				t.Fatalf("%v", more)
			}
			m, err := condition.Compile(where, fields)
			if err != nil {
				t.Fatalf("%s: %v", where, err)
			}
			m.Match(doc)
			wider, _ := condition.Pushdown(where, fields)
			condition.DSL(wider)
		}
		for _, d := range list {
			if d.File != "r.yml" || d.Line < 0 || d.Column < 0 {
				t.Errorf("%v has no place", d)
			}
		}
	})
}
