package query_test

import (
	"strings"
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/query"
	"tocsin/internal/rule"
)

func TestQueryRule(t *testing.T) {
	filter := []map[string]any{{"exists": map[string]any{"field": "a"}}}
	tests := []struct {
		name string
		rule rule.Rule
		want string // a part of the error; "" when the rule can run
	}{
		{"kuery", rule.Rule{Language: rule.Kuery, Index: []string{"a"}}, ""},
		{"data view beside indices", rule.Rule{Language: rule.Kuery, Index: []string{"a"}, DataViewID: "d"}, ""},
		{"lucene", rule.Rule{Language: rule.Lucene, Index: []string{"a"}}, ""},
		{"another language", rule.Rule{Language: rule.ESQL, Index: []string{"a"}}, "queries in esql are not supported yet"},
		{"filters", rule.Rule{Language: rule.Kuery, Index: []string{"a"}, Filters: filter}, "filters are not supported yet"},
		{"data view", rule.Rule{Language: rule.Kuery, DataViewID: "d"}, "data views are not supported yet"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.rule.ID, tt.rule.Type = "r", rule.TypeQuery
			tt.rule.Query = diag.NewText("query", `host.name:a`)
			plan, diags := query.For(&tt.rule)
			if tt.want == "" {
				if plan == nil || len(diags) > 0 {
					t.Errorf("plan %v, %v", plan, diags)
				}
				return
			}
			if plan != nil || len(diags) != 1 || diags[0].Code != query.CodeUnsupported || !strings.Contains(diags[0].Message, tt.want) {
				t.Errorf("plan %v, %v", plan, diags)
			}
		})
	}
}

// TestQueryRulesOfCorpus plans Elastic's rules in KQL, which are no part of this repository. Only
// filters stand in the way of some.
func TestQueryRulesOfCorpus(t *testing.T) {
	set, _ := rule.Load("../../../shared/corpus/elastic")
	planned, filtered := 0, 0
	for _, r := range set.Rules() {
		if r.Type != rule.TypeQuery || r.Language != rule.Kuery {
			continue
		}
		_, diags := query.For(r)
		switch {
		case len(r.Filters) > 0:
			filtered++
		case diags.HasErrors():
			t.Errorf("%s: %v", r.Path, diags)
		default:
			planned++
		}
	}
	if planned == 0 {
		t.Skip("the corpus is not here")
	}
	t.Logf("%d rules planned, %d with filters", planned, filtered)
}
