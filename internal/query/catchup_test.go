package query_test

import (
	"testing"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/query"
	"tocsin/internal/rule"
)

func TestCatchUp(t *testing.T) {
	suppress := func(d time.Duration) *rule.AlertSuppression {
		return &rule.AlertSuppression{GroupBy: []string{"host.name"}, Duration: d}
	}
	for _, tt := range []struct {
		name               string
		rule               rule.Rule
		mergeable, ordered bool
	}{
		{"events of KQL", rule.Rule{Type: rule.TypeQuery, Language: rule.Kuery, Query: diag.NewText("q", "host.name: a")}, true, false},
		{"events of EQL", rule.Rule{Type: rule.TypeEQL, Query: diag.NewText("q", "process where true")}, true, false},
		{"pipes", rule.Rule{Type: rule.TypeEQL, Query: diag.NewText("q", "process where true | head 5")}, false, false},
		{"a sequence", rule.Rule{Type: rule.TypeEQL, Query: diag.NewText("q", "sequence [process where true] [file where true]")}, false, false},
		{"suppression within a run", rule.Rule{
			Type: rule.TypeEQL, Query: diag.NewText("q", "process where true"), AlertSuppression: suppress(0),
		}, false, false},
		{"suppression within a time", rule.Rule{
			Type: rule.TypeEQL, Query: diag.NewText("q", "process where true"), AlertSuppression: suppress(time.Hour),
		}, false, true},
		{"exceptions", rule.Rule{
			Type: rule.TypeEQL, Query: diag.NewText("q", "process where true"), ExceptionsList: []rule.Exception{{ListID: "l"}},
		}, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.rule.ID, tt.rule.Index = "r", []string{"logs-*"}
			plan, diags := query.For(&tt.rule)
			if plan == nil {
				t.Fatal(diags)
			}
			if m, o := query.CatchUp(plan); m != tt.mergeable || o != tt.ordered {
				t.Errorf("mergeable %v, ordered %v", m, o)
			}
		})
	}
}
