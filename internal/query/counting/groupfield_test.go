package counting_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
)

// TestGroupFields says what becomes of the fields that make groups, under every kind of mapping.
func TestGroupFields(t *testing.T) {
	fields := mapping.Table{
		"@timestamp": {Name: "@timestamp", Type: mapping.Date},
		"k":          {Name: "k", Type: mapping.Keyword},
		"text":       {Name: "text", Type: mapping.Text},
		"exact":      {Name: "exact", Type: mapping.Text, Exact: "exact.raw"},
		"exact.raw":  {Name: "exact.raw", Path: "exact", Type: mapping.Keyword},
		"object":     {Name: "object", Type: mapping.Object},
		"geo":        {Name: "geo", Type: mapping.GeoPoint},
		"mixed":      {Name: "mixed", Type: mapping.Keyword, Conflict: []string{"long in [b]"}},
		"nested":     {Name: "nested", Type: mapping.Nested},
		"nested.k":   {Name: "nested.k", Type: mapping.Keyword, Nested: "nested"},
		"custom":     {Name: "custom", Type: mapping.Keyword, Normalizer: "mine"},
	}
	tests := []struct {
		field, want string // what is said of it, at its place
		groups      []string
	}{
		{"k", "", []string{"a"}},
		{"exact", "", []string{"A text"}},
		{"text", `r.toml:14:10: error: field [text] is analysed text: its values make no groups; name a field of type keyword [rule/group-field]`, nil},
		{"object", `r.toml:14:10: error: field [object] is of type [object]: its values make no groups [rule/group-field]`, nil},
		{"geo", `r.toml:14:10: error: field [geo] is of type [geo_point]: its values make no groups [rule/group-field]`, nil},
		{"mixed", `r.toml:14:10: warning: field [mixed] is [keyword], and long in [b]: its values are counted in memory, by their texts [rule/group-field]`, []string{"5"}},
		{"nested.k", `r.toml:14:10: warning: field [nested.k] is within the nested object [nested]: only values that the mapping copies to the document are counted [rule/group-field]`, nil},
		{"custom", `r.toml:14:10: error: field [custom]: normalizer [mine] is not supported: indexed values cannot be derived from a document [rule/group-field]`, nil},
		{"host.nam", `r.toml:14:10: warning: Unknown field [host.nam]: no index has it, so nothing is counted; did you mean [host.name]? [rule/unmapped-field]`, nil},
	}
	source := `"k":"a","exact":"A text","text":"A","mixed":5,"nested":{"k":"x"},"custom":"c"`
	for _, tt := range tests {
		t.Run(tt.field, func(t *testing.T) {
			r := countingRule(t, "threshold", "@timestamp:*", "[rule.threshold]\nfield = [\""+tt.field+"\"]\nvalue = 1")
			plan, _ := plans.For(r)
			hits, diags := found(t, plan, query.Source{Events: storeOf(t, fields, sourced{"1", 1, source}, sourced{"2", 2, source})}, 0, 100)
			var said, groups []string
			for _, d := range diags {
				said = append(said, d.Error())
			}
			for _, h := range hits {
				_, line, _ := strings.Cut(thresholdLine(t, h), "=")
				key, _, _ := strings.Cut(line, " 2 in")
				groups = append(groups, key)
			}
			if diff := cmp.Diff(tt.want, strings.Join(said, "\n")) + cmp.Diff(tt.groups, groups); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestCardinalityOfText: the fields whose values are counted are judged alike.
func TestCardinalityOfText(t *testing.T) {
	fields := mapping.Table{"@timestamp": {Name: "@timestamp", Type: mapping.Date}, "text": {Name: "text", Type: mapping.Text}}
	plan, _ := plans.For(countingRule(t, "threshold", "@timestamp:*", "[rule.threshold]\nfield = []\nvalue = 1\ncardinality = [{ field = 'text', value = 1 }]"))
	_, diags := found(t, plan, query.Source{Events: storeOf(t, fields, sourced{"1", 1, `"text":"a"`})}, 0, 100)
	if !diags.HasErrors() || diags[0].Line != 16 || !strings.Contains(diags[0].Message, "[text] is analysed text") {
		t.Error(diags)
	}
}

func TestCountingRuleRefused(t *testing.T) {
	for name, tt := range map[string]struct{ typ, more, want string }{
		"API's names": {"new_terms", "new_terms_fields = ['message']\nhistory_window_start = 'now-5d'", "[message] is analysed text: its values make no groups; name a field of type keyword (with the types of ECS"},
		"filter":      {"threshold", "[rule.threshold]\nfield = 'a'\nvalue = 1\n[[rule.filters]]\nquery = {}", "a query is an object of one clause"},
	} {
		t.Run(name, func(t *testing.T) {
			_, diags := plans.For(countingRule(t, tt.typ, "a:*", tt.more))
			if len(diags) != 1 || !strings.Contains(diags[0].Message, tt.want) || diags[0].Line < 13 {
				t.Errorf("%v, want %s", diags, tt.want)
			}
		})
	}
	for name, r := range map[string]rule.Rule{
		"no threshold":      {Type: rule.TypeThreshold, Language: rule.Kuery},
		"threshold of none": {Type: rule.TypeThreshold, Language: rule.Kuery, Threshold: &rule.Threshold{}},
		"no terms":          {Type: rule.TypeNewTerms, Language: rule.Kuery},
		"new terms of none": {Type: rule.TypeNewTerms, Language: rule.Kuery, NewTerms: &rule.NewTerms{}},
	} {
		if plan, diags := plans.For(&r); plan != nil || !diags.HasErrors() {
			t.Errorf("%s: %v, %v", name, plan, diags)
		}
	}
}

// TestCountingRulesOfCorpus plans Elastic's rules of these types, which are no part of this
// repository.
func TestCountingRulesOfCorpus(t *testing.T) {
	set, _ := rule.Load("../../../../shared/corpus/elastic")
	planned := map[rule.Type]int{}
	for _, r := range set.Rules() {
		if r.Type != rule.TypeThreshold && r.Type != rule.TypeNewTerms || len(r.Filters) > 0 {
			continue
		}
		plan, diags := plans.For(r)
		if plan == nil || len(diags) > 0 || plan.Strategy() != query.Aggregation {
			t.Errorf("%s: %v", r.Path, diags)
			continue
		}
		planned[r.Type]++
	}
	if len(planned) == 0 {
		t.Skip("the corpus is not here")
	}
	t.Logf("planned: %v", planned)
}
