//go:build integration

package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/internal/condition"
	"tocsin/internal/elastic"
	"tocsin/internal/mapping"
	"tocsin/internal/pipeline"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/store"
	"tocsin/internal/translate"
	"tocsin/internal/window"
)

// TestCorpusRuns runs every EQL rule of the public rules once, over an index without and one with
// events, whose fields have the types of ECS or those that the rules compare them with. The rules
// are not part of this repository.
func TestCorpusRuns(t *testing.T) {
	set, _ := rule.Load("../../shared/corpus/elastic")
	var rules []*rule.Rule
	for _, r := range set.Rules() {
		if r.Type == rule.TypeEQL {
			rules = append(rules, r)
		}
	}
	if len(rules) == 0 {
		t.Skip("the corpus is not here")
	}
	node := newNode(t)
	slot := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	prepareCorpus(t, node, rules, slot)
	client, err := elastic.New(elastic.Config{URLs: []string{node.URL}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	alerts := store.NewMemory()
	p := &pipeline.Pipeline{Events: client, Alerts: alerts, Instances: alerts}
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
		if x.Status != pipeline.Succeeded {
			t.Errorf("%s: %s: %s", r.Path, x.Status, x.Problem())
			continue
		}
		ran++
	}
	t.Logf("%d of %d rules ran", ran, len(rules))
}

// prepareCorpus makes one index for all rules, filled, and one empty, with an alias for every
// pattern of a rule.
func prepareCorpus(t *testing.T, node *Node, rules []*rule.Rule, slot time.Time) {
	t.Helper()
	properties := map[string]any{}
	ecs := mapping.ECS()
	for name, f := range ecs {
		if f.Path == "" && f.Type.Family() != mapping.FamilyObject && !shadowed(ecs, name) {
			properties[name] = map[string]any{"type": f.Type}
		}
	}
	for name, typ := range typesOf(rules) {
		if _, known := ecs.Field(name); !known {
			properties[name] = map[string]any{"type": typ}
		}
	}
	aliases := map[string]any{}
	for _, r := range rules {
		for _, pattern := range r.Index {
			aliases[strings.ToLower(node.Prefix+strings.ReplaceAll(pattern, "*", "x"))] = map[string]any{}
		}
	}
	for _, name := range []string{"corpus-filled", "corpus-empty"} {
		node.Must(t, "PUT", "/"+node.Name(name), map[string]any{
			"settings": map[string]any{"number_of_replicas": 0, "index.mapping.total_fields.limit": 20000},
			"mappings": map[string]any{"properties": properties}, "aliases": aliases,
		})
	}
	var bulk strings.Builder
	for i := range 200 {
		category := []string{"process", "file", "network", "registry", "authentication"}[i%5]
		fmt.Fprintf(&bulk, `{"create":{"_index":%q}}
{"@timestamp":%q,"event":{"category":%q,"type":"start","action":"exec"},"host":{"id":"h%d","os":{"type":"linux"}},"process":{"name":"sh","args":["sh","-c","x"],"entity_id":"p%d","pid":%d},"user":{"id":"0"},"source":{"ip":"10.0.0.%d"}}
`, node.Name("corpus-filled"), slot.Add(-time.Duration(i)*time.Second).Format(time.RFC3339), category, i%3, i%7, i, i%250)
	}
	node.Bulk(t, bulk.String())
}

// shadowed reports whether a field of ECS stands below another that is a value.
func shadowed(ecs mapping.Table, name string) bool {
	for i := strings.LastIndexByte(name, '.'); i > 0; i = strings.LastIndexByte(name[:i], '.') {
		if above, ok := ecs[name[:i]]; ok && above.Type.Family() != mapping.FamilyObject {
			return true
		}
	}
	return false
}

// typesOf gives every field of the rules the type of what it is compared with; keyword by default.
func typesOf(rules []*rule.Rule) map[string]mapping.Type {
	types := map[string]mapping.Type{}
	for _, r := range rules {
		q, _ := translate.Parse(rule.EQL, r.Query, translate.Options{CategoryField: r.EventCategoryOverride})
		for _, name := range q.Names() {
			if types[name] == "" {
				types[name] = mapping.Keyword
			}
		}
		for _, e := range conditionsOf(q) {
			condition.Walk(e, func(leaf condition.Expr) { typeOfLeaf(types, leaf) })
		}
	}
	return types
}

func conditionsOf(q translate.Query) []condition.Expr {
	if q.Shape() == translate.Events {
		e, _ := q.Lower(mapping.Untyped())
		return []condition.Expr{e}
	}
	steps, _ := q.LowerSteps(mapping.Untyped())
	var out []condition.Expr
	for _, s := range steps.Terms {
		out = append(out, s.Where)
	}
	return out
}

func typeOfLeaf(types map[string]mapping.Type, leaf condition.Expr) {
	set := func(field string, value any) {
		switch value.(type) {
		case bool:
			types[field] = mapping.Boolean
		case int64, float64:
			types[field] = mapping.Double
		}
	}
	switch l := leaf.(type) {
	case condition.Term:
		set(l.Field, l.Value)
	case condition.Terms:
		for _, v := range l.Values {
			set(l.Field, v)
		}
	case condition.Range:
		for _, v := range []any{l.Gt, l.Gte, l.Lt, l.Lte} {
			set(l.Field, v)
		}
	case condition.CIDR:
		types[l.Field] = mapping.IP
	}
}
