//go:build integration

package integration

import (
	"testing"
	"time"

	"tocsin/internal/mapping"
	"tocsin/internal/pipeline"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/store"
	"tocsin/internal/window"
)

// TestCorpusCounts runs every threshold and new_terms rule of the public rules once, without filters,
// over an index without and one with events. The rules are not part of this repository.
func TestCorpusCounts(t *testing.T) {
	set, _ := rule.Load("../../shared/corpus/elastic")
	var rules []*rule.Rule
	for _, r := range set.Rules() {
		if (r.Type == rule.TypeThreshold || r.Type == rule.TypeNewTerms) && len(r.Filters) == 0 {
			rules = append(rules, r)
		}
	}
	if len(rules) == 0 {
		t.Skip("the corpus is not here")
	}
	node := newNode(t)
	slot := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	prepareCorpus(t, node, rules, slot)
	more := object{}
	for _, r := range rules {
		for _, name := range countedFields(r) {
			if _, known := mapping.ECS().Field(name); !known {
				more[name] = object{"type": "keyword"}
			}
		}
	}
	for _, index := range []string{"corpus-filled", "corpus-empty"} {
		for name, typ := range more { // those that the rules' queries have are mapped
			node.Do(t, "PUT", "/"+node.Name(index)+"/_mapping", object{"properties": object{name: typ}})
		}
	}
	alerts := store.NewMemory()
	p := &pipeline.Pipeline{Events: groupClient(t, node), Alerts: alerts, Instances: alerts}
	ran := 0
	for _, r := range rules {
		here := *r
		here.Index = nil
		for _, pattern := range r.Index {
			here.Index = append(here.Index, node.Prefix+pattern)
		}
		plan, diags := query.For(&here)
		if plan == nil {
			t.Errorf("%s: %v", r.Path, diags)
			continue
		}
		x := p.Run(t.Context(), pipeline.Job{Plan: plan, Slot: slot, Window: window.At(slot, r.From.Expr, r.To.Expr)})
		if x.Status != pipeline.Succeeded || len(x.Warnings) > 0 {
			t.Errorf("%s: %s: %s %q", r.Path, x.Status, x.Problem(), x.Warnings)
			continue
		}
		ran++
	}
	t.Logf("%d of %d rules ran", ran, len(rules))
}

// countedFields are the fields that a rule makes groups of.
func countedFields(r *rule.Rule) []string {
	if r.NewTerms != nil {
		return r.NewTerms.Fields
	}
	names := r.Threshold.Fields
	for _, c := range r.Threshold.Cardinality {
		names = append(names, c.Field)
	}
	return names
}
