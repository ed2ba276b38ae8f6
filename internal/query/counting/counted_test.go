package counting_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/backend/store"
	"tocsin/internal/diag"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/testkit/trial"
)

var noon = trial.Noon

// countingRule parses a rule of a type that counts; more goes into [rule] and below it.
func countingRule(t *testing.T, typ, kql, more string) *rule.Rule {
	t.Helper()
	r, diags := rule.Parse("r.toml", fmt.Sprintf(`
[rule]
rule_id = "9f5f0c3e-0000-4000-8000-000000000002"
name = "r"
description = "r"
type = %q
language = "kuery"
index = ["logs-*"]
from = "now-10m"
severity = "low"
risk_score = 1
query = '''%s'''
%s
`, typ, cmp.Or(kql, "*:*"), more))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return r
}

// countingPlan plans it; the plan has to be possible.
func countingPlan(t *testing.T, typ, kql, more string) query.Plan {
	t.Helper()
	plan, diags := plans.For(countingRule(t, typ, kql, more))
	if plan == nil || len(diags) > 0 {
		t.Fatal(diags)
	}
	return plan
}

// sourced is an event: its id, a time in seconds after noon, and the rest of its source.
type sourced struct {
	id   string
	at   int
	rest string
}

// storeOf makes an event store with these types of fields.
func storeOf(t *testing.T, fields mapping.Table, events ...sourced) *store.Events {
	t.Helper()
	var lines strings.Builder
	for _, e := range events {
		at := noon.Add(time.Duration(e.at) * time.Second).Format(time.RFC3339)
		rest := e.rest
		if rest != "" {
			rest = "," + rest
		}
		fmt.Fprintf(&lines, `{"_index":"logs-x","_id":%q,"_source":{"@timestamp":%q%s}}`+"\n", e.id, at, rest)
	}
	opts := store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(lines.String())}
	if fields != nil {
		opts.Mapping = mapping.Everywhere(fields)
	}
	opened, diags, err := store.OpenEvents(t.Context(), opts)
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	t.Cleanup(func() { _ = opened.Close() })
	return opened
}

// recorded is a history of the hits of former executions.
type recorded struct {
	alerts []query.Past
	asked  int
}

func (r *recorded) Past(_ context.Context, ruleID string, instances []string, since time.Time) ([]query.Past, error) {
	r.asked++
	if ruleID == "" {
		return nil, fmt.Errorf("no rule is asked about")
	}
	var out []query.Past
	for _, a := range r.alerts {
		if slices.Contains(instances, a.Instance) && !a.To.Before(since) {
			out = append(out, a)
		}
	}
	return out, nil
}

// add records hits as the alerts that are made of them.
func (r *recorded) add(t *testing.T, hits []query.Hit) {
	t.Helper()
	for _, h := range hits {
		source := sourceOf(t, h)
		to, err := time.Parse(time.RFC3339, source["@timestamp"].(string))
		if err != nil {
			t.Fatal(err)
		}
		from := to
		if text, ok := h.Facts["kibana.alert.threshold_result.from"].(string); ok {
			if from, err = time.Parse(time.RFC3339, text); err != nil {
				t.Fatal(err)
			}
		}
		r.alerts = append(r.alerts, query.Past{Instance: h.Instance, From: from, To: to})
	}
}

func sourceOf(t *testing.T, h query.Hit) map[string]any {
	t.Helper()
	var source map[string]any
	if err := json.Unmarshal(h.Event.Source, &source); err != nil {
		t.Fatal(err)
	}
	return source
}

// found executes a plan over the window between two seconds after noon.
func found(t *testing.T, plan query.Plan, src query.Source, from, to int) ([]query.Hit, diag.List) {
	t.Helper()
	second := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Second) }
	src.At = second(to)
	prepared, diags, err := plan.Prepare(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	if prepared == nil {
		return nil, diags
	}
	var hits []query.Hit
	if _, err := prepared.Execute(t.Context(), src, window.Window{From: second(from), To: second(to)}, func(page []query.Hit) (bool, error) {
		hits = append(hits, page...)
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	return hits, diags
}

// second writes a time as seconds after noon.
func second(t *testing.T, text any) string {
	t.Helper()
	at, err := time.Parse(time.RFC3339, fmt.Sprint(text))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(at.Sub(noon).Seconds())
}
