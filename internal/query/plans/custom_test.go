package plans_test

import (
	"strings"
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
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
		{"filters", rule.Rule{Language: rule.Kuery, Index: []string{"a"}, Filters: filter}, ""},
		{"data view", rule.Rule{Language: rule.Kuery, DataViewID: "d"}, "data view d is not known"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.rule.ID, tt.rule.Type = "r", rule.TypeQuery
			tt.rule.Query = diag.NewText("query", `host.name:a`)
			plan, diags := plans.For(&tt.rule)
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

// A saved query runs when there is one, be it no more than its filters.
func TestSavedQueryRule(t *testing.T) {
	filter := []map[string]any{{"exists": map[string]any{"field": "a"}}}
	tests := []struct {
		name, query string
		filters     []map[string]any
		runs        bool
	}{
		{"query", "a:b", nil, true},
		{"filters", "", filter, true},
		{"nothing", "", nil, false},
	}
	for _, tt := range tests {
		r := &rule.Rule{ID: "r", Type: rule.TypeSavedQuery, Language: rule.Kuery, Index: []string{"a"}, SavedID: "s", Filters: tt.filters, Query: diag.NewText("q", tt.query)}
		plan, diags := plans.For(r)
		if (plan != nil) != tt.runs || !tt.runs && (len(diags) != 1 || diags[0].Code != query.CodeUnsupported || !strings.Contains(diags[0].Message, "saved query s ")) {
			t.Errorf("%s: plan %v, %v", tt.name, plan, diags)
		}
	}
}

// TestQueryRulesOfCorpus plans Elastic's rules in KQL, which are no part of this repository.
func TestQueryRulesOfCorpus(t *testing.T) {
	set, _ := rule.Load("../../../../shared/corpus/elastic")
	planned, filtered := 0, 0
	for _, r := range set.Rules() {
		if r.Type != rule.TypeQuery || r.Language != rule.Kuery {
			continue
		}
		_, diags := plans.For(r)
		if len(r.Filters) > 0 {
			filtered++
		}
		if planned++; diags.HasErrors() {
			t.Errorf("%s: %v", r.Path, diags)
		}
	}
	if planned == 0 {
		t.Skip("the corpus is not here")
	}
	t.Logf("%d rules planned, of which %d have filters", planned, filtered)
}
