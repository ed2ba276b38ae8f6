package verdict_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/bits"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/run/verdict"
	"tocsin/internal/testkit/trial"
)

// drawQuery draws a condition on fields of its own, each of which is compared with "yes".
func drawQuery(t *rapid.T, next *int, most, depth int) string {
	kind := rapid.IntRange(0, 4).Draw(t, "kind")
	if depth == 0 || kind == 0 || *next >= most-1 {
		*next++
		return fmt.Sprintf(`labels.f%d == "yes"`, *next)
	}
	if kind == 1 {
		return "not (" + drawQuery(t, next, most, depth-1) + ")"
	}
	var parts []string
	for range rapid.IntRange(2, 4).Draw(t, "parts") {
		if *next < most {
			parts = append(parts, "("+drawQuery(t, next, most, depth-1)+")")
		}
	}
	return strings.Join(parts, rapid.SampledFrom([]string{" and ", " or "}).Draw(t, "op"))
}

// labelled makes an event whose fields are yes where the bit of their number is set.
func labelled(set uint, n int) event.Event {
	labels := map[string]string{}
	for i := range n {
		labels[fmt.Sprintf("f%d", i+1)] = "no"
		if set>>i&1 == 1 {
			labels[fmt.Sprintf("f%d", i+1)] = "yes"
		}
	}
	source, err := json.Marshal(map[string]any{"@timestamp": "2026-01-15T11:55:00Z", "labels": labels})
	if err != nil {
		panic(err)
	}
	return event.Event{Index: "logs-a", ID: "1", Source: source}
}

func question(t interface{ Fatal(...any) }, plan query.Plan) *verdict.Question {
	prepared, diags := plan.Assume(trial.Noon)
	if prepared == nil {
		t.Fatal(diags)
	}
	return &verdict.Question{Plan: plan, Prepared: prepared, Slot: trial.Noon, Now: trial.Noon.Add(time.Minute)}
}

func judge(t interface{ Fatal(...any) }, q *verdict.Question, e event.Event) verdict.Verdict {
	e.Types = mapping.OfIndex(q.Prepared.Target().Fields, e.Index)
	v, err := q.Judge(context.Background(), verdict.Subject{Event: e})
	if err != nil || v.Matches == nil {
		t.Fatal(err, v.Summary)
	}
	return v
}

// TestFlip: an event that differs in the values of the deciding clauses, and in nothing else, has the other verdict, and none that
// differs in fewer values has it.
func TestFlip(t *testing.T) {
	const most = 9
	rapid.Check(t, func(rt *rapid.T) {
		n := 0
		plan := trial.EQL(t, "any where "+drawQuery(rt, &n, most, 3))
		q := question(rt, plan)
		set := rapid.UintRange(0, 1<<n-1).Draw(rt, "event")
		v := judge(rt, q, labelled(set, n))
		change := uint(0)
		for _, c := range v.Deciding {
			var field int
			if _, err := fmt.Sscanf(c.Text, "(term labels.f%d ", &field); err != nil {
				rt.Fatal(c.Text, err)
			}
			change |= 1 << (field - 1)
		}
		if after := judge(rt, q, labelled(set^change, n)); *after.Matches == *v.Matches {
			rt.Fatalf("%s: changing %v changes nothing: %s", plan.Rule().Query.Value, v.Deciding, after.Summary)
		}
		for other := range uint(1) << n {
			if bits.OnesCount(other) < bits.OnesCount(change) && bits.OnesCount(change) <= 3 {
				if after := judge(rt, q, labelled(set^other, n)); *after.Matches != *v.Matches {
					rt.Fatalf("%s: %d clauses decide, and changing the values %b is enough", plan.Rule().Query.Value, len(v.Deciding), other)
				}
			}
		}
	})
}

// TestReasons: each reason is told by itself, and the summary begins with the verdict.
func TestReasons(t *testing.T) {
	plan := trial.EQL(t, `any where labels.f1 == "yes"`)
	off := false
	disabled := *plan.Rule()
	disabled.Enabled = &off
	tests := []struct {
		name    string
		change  func(*verdict.Question, *event.Event)
		summary string
		alerts  bool
	}{
		{"nothing", func(*verdict.Question, *event.Event) {}, "The event matches r: slot 2026-01-15T12:00:00Z finds it.", true},
		{"clause", func(_ *verdict.Question, e *event.Event) { *e = labelled(0, 1) }, `The event does not match r: (term labels.f1 "yes") does not hold: the event has no.`, false},
		{"no time", func(_ *verdict.Question, e *event.Event) { e.Source = json.RawMessage(`{"labels":{"f1":"yes"}}`) }, "The event matches r, but makes no alert: the event has no time in @timestamp: no window has it.", false},
		{"disabled", func(q *verdict.Question, _ *event.Event) { q.Plan = renamed{q.Plan, &disabled} }, "The event matches r, but makes no alert: the rule is disabled.", false},
		{"later slot", func(q *verdict.Question, _ *event.Event) { q.Slot = trial.Noon.Add(time.Hour) }, "The event matches r, but makes no alert: its time 2026-01-15T11:55:00Z is before the window ", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q, e := question(t, plan), labelled(1, 1)
			tt.change(q, &e)
			v := judge(t, q, e)
			if !strings.HasPrefix(v.Summary, tt.summary) || v.Alerts != tt.alerts {
				t.Errorf("%q, alerts: %t\nwant %q", v.Summary, v.Alerts, tt.summary)
			}
		})
	}
}

// renamed is a plan of another rule.
type renamed struct {
	query.Plan
	rule *rule.Rule
}

func (r renamed) Rule() *rule.Rule { return r.rule }
