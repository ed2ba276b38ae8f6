//go:build integration

package integration

import (
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/backend/store"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search/planner"
)

var corpusCopies = flag.Bool("corpus.copies", false, "run TestCorpusBesideCopies, which `make full` does")

// TestCorpusBesideCopies runs every public rule with two variants in one round: one with an additional exclusion
// that applies to no event, which must find the same, and one with a longer look-back, which must find at least as
// much. A rule may fail only because of known limitations of the node.
func TestCorpusBesideCopies(t *testing.T) {
	if !*corpusCopies {
		t.Skip("no -corpus.copies")
	}
	set, _ := rule.Load("../../shared/corpus/elastic")
	if set.Len() == 0 {
		t.Skip("the corpus is not here")
	}
	node := newNode(t)
	c := corpus{node: node, tally: corpusTally{}}
	c.prepare(t, set.Rules())
	client, err := elastic.New(elastic.Config{URLs: []string{node.URL}})
	must(t, err)
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	var jobs []pipeline.Job
	for _, r := range set.Rules() {
		if r.Type == rule.TypeESQL { // has no condition to share
			continue
		}
		jobs = append(jobs, c.copies(t, r)...)
	}
	for _, strategy := range []planner.Strategy{planner.Scan, planner.Search} {
		alerts := store.NewMemory()
		round := &pipeline.Round{
			Pipeline: &pipeline.Pipeline{Events: client, Alerts: alerts, Instances: alerts}, Planner: &planner.Planner{Pin: strategy},
		}
		var plan planner.Round
		round.Observe = func(r planner.Round) { plan = r }
		start := time.Now()
		judgeCopies(t, strategy, round.RunAll(t.Context(), jobs, nil))
		t.Logf("%s: %d rules and copies in %s: %s", strategy, len(jobs), time.Since(start).Round(time.Second), plan)
	}
}

// copies returns the jobs of a rule and its two variants.
func (c *corpus) copies(t *testing.T, r *rule.Rule) []pipeline.Job {
	t.Helper()
	frame := window.At(corpusSlot, r.From.Expr, r.To.Expr)
	tuned, longer := *c.here(r), *c.here(r)
	tuned.ID += " tuned"
	tuned.Filters = append(slices.Clone(r.Filters), map[string]any{
		"meta": map[string]any{"negate": true, "disabled": false}, "query": map[string]any{"exists": map[string]any{"field": "tocsin.nobody"}},
	})
	longer.ID += " longer"
	further := frame
	further.From = further.From.Add(-time.Hour)
	var jobs []pipeline.Job
	for _, one := range []struct {
		rule   *rule.Rule
		window window.Window
	}{{c.here(r), frame}, {&tuned, frame}, {&longer, further}} {
		plan, diags := plans.For(one.rule)
		if plan == nil {
			t.Fatalf("%s: %v", r.Path, diags)
		}
		jobs = append(jobs, pipeline.Job{Plan: plan, Slot: corpusSlot, Window: one.window})
	}
	return jobs
}

func judgeCopies(t *testing.T, strategy planner.Strategy, executions []pipeline.Execution) {
	t.Helper()
	failed, wrong, alerts := 0, 0, 0
	for three := range slices.Chunk(executions, 3) {
		for _, x := range three {
			if _, unable := missingCapability(x); x.Problem() != "" && !unable && !strings.Contains(x.Problem(), "max_signals") {
				if failed++; failed <= 5 {
					t.Errorf("%s: %s: %.400s", strategy, x.RuleID, x.Problem())
				}
			}
		}
		alerts += three[0].Created
		if three[0].Created != three[1].Created || three[2].Created < three[0].Created {
			if wrong++; wrong <= 5 {
				t.Errorf("%s: %s (%s) has %d alerts, its copies %d and %d", strategy, three[0].RuleID, three[0].RuleName, three[0].Created, three[1].Created, three[2].Created)
			}
		}
	}
	t.Logf("%s: %d rules, %d alerts; %d executions failed, %d rules differ from their copies", strategy, len(executions)/3, alerts, failed, wrong)
	if alerts < len(executions)/6 {
		t.Errorf("only %d alerts to compare", alerts)
	}
}
