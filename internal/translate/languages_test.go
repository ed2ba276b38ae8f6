package translate_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
	"tocsin/internal/translate"
)

// Every language has a page for authors of rules.
func TestEveryLanguageHasAPage(t *testing.T) {
	for _, l := range translate.Languages() {
		if _, err := os.Stat(fmt.Sprintf("../../docs/languages/%s.md", l)); err != nil {
			t.Errorf("%s: %v", l, err)
		}
		if !translate.Supports(l) {
			t.Errorf("%s is listed and not supported", l)
		}
	}
	if translate.Supports("sql") {
		t.Error("sql is supported")
	}
}

func TestParse(t *testing.T) {
	tests := []struct {
		name, query string
		shape       translate.Shape
		limits      []translate.Limit
		names       []string
	}{
		{"event", `process where a == 1 | head 5 | tail 2`, translate.Events, []translate.Limit{{Count: 5}, {Last: true, Count: 2}}, []string{"a", "event.category"}},
		{"any event", `any where b.c : "x"`, translate.Events, nil, []string{"b.c"}},
		{"sequence", `sequence by k with maxspan=1m [any where a] [file where length(b) > ?c] until [any where d]`, translate.Sequence, nil, []string{"a", "b", "c", "d", "event.category", "k"}},
		{"sample", `sample by k [any where a] [any where b]`, translate.Sample, nil, []string{"a", "b", "k"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q, diags := translate.Parse(rule.EQL, diag.NewText("query", tt.query), translate.Options{})
			if q == nil {
				t.Fatal(diags)
			}
			if q.Shape() != tt.shape {
				t.Errorf("shape %d", q.Shape())
			}
			if diff := cmp.Diff(tt.limits, q.Limits()); diff != "" {
				t.Errorf("limits (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.names, q.Names()); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
	}
}

// An unmapped field is a warning, and an error in strict mode.
func TestStrict(t *testing.T) {
	for strict, severity := range map[bool]diag.Severity{false: diag.Warning, true: diag.Error} {
		q, _ := translate.Parse(rule.EQL, diag.NewText("query", `any where nope == 1`), translate.Options{Strict: strict})
		e, diags := q.Lower(mapping.Table{})
		if len(diags) != 1 || diags[0].Severity != severity || (e == nil) != strict {
			t.Errorf("strict %t: %v, %v", strict, e, diags)
		}
	}
}
