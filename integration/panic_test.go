//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/backend/store"
	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/planner"
)

// crashPlace is the step in which a rule panics.
type crashPlace string

const (
	// crashLowering: when its query is lowered.
	crashLowering crashPlace = "lowering"
	// crashReading: when it announces its searches.
	crashReading crashPlace = "reading"
	// crashBinding: when its condition is compiled, in a set or alone.
	crashBinding crashPlace = "binding"
	// crashMatching: when its condition is matched with an event.
	crashMatching crashPlace = "matching"
	// crashExecuting: when it processes its hits.
	crashExecuting crashPlace = "executing"
)

// crashPlan is a plan that panics in one step. Otherwise it is the plan of a rule on single events that are
// matched again in memory.
type crashPlan struct {
	query.Plan
	at crashPlace
}

func (p crashPlan) Prepare(ctx context.Context, src query.Source) (query.Prepared, diag.List, error) {
	if p.at == crashLowering {
		panic("a fault in lowering")
	}
	prepared, diags, err := p.Plan.Prepare(ctx, src)
	if prepared == nil {
		return nil, diags, err
	}
	return crashPrepared{prepared, p}, diags, err
}

type crashPrepared struct {
	query.Prepared
	plan crashPlan
}

// request returns the search of a window, whose condition may panic.
func (p crashPrepared) request(w window.Window) search.Request {
	r := search.Request{
		Patterns: p.plan.Rule().Index, Where: condition.Term{Field: "n", Value: "n1"}, FieldTypes: p.Target().Fields,
		Time: search.TimeRange{Field: search.DefaultTimestamp, Window: w},
	}
	switch p.plan.at {
	case crashReading:
		panic("a fault in reading")
	case crashBinding:
		r.FieldTypes = crashFields{r.FieldTypes}
	case crashMatching:
		r.Where = condition.And{r.Where, condition.Residual{
			Text: "crash of " + p.plan.Rule().ID, Fields: []string{"n"}, Required: []string{"n"},
			Holds: func([]*mapping.Value) bool { panic("a fault in matching") },
		}}
	default:
	}
	return r
}

func (p crashPrepared) Reads(w window.Window) []query.Read {
	return []query.Read{{Request: p.request(w)}}
}

// Execute runs the search and matches its hits again, as for conditions that Query DSL cannot fully express. Files
// evaluate the whole condition.
func (p crashPrepared) Execute(ctx context.Context, src query.Source, w window.Window, visit query.Visit) (query.Result, error) {
	if p.plan.at == crashExecuting {
		panic("a fault in executing")
	}
	r := p.request(w)
	whole := r
	if _, ofNode := src.Events.(interface{ Unwrap() search.Events }); !ofNode {
		r.Where, _ = condition.Pushdown(r.Where, r.FieldTypes)
	}
	result, err := src.Events.Search(ctx, r, func(page []event.Event) (bool, error) {
		m, err := condition.Compile(whole.Where, whole.FieldTypes)
		if err != nil {
			return false, err
		}
		var hits []query.Hit
		for i := range page {
			d, err := page[i].Document()
			if err != nil {
				return false, err
			}
			if m.Match(d) {
				hits = append(hits, query.Hit{Event: page[i]})
			}
		}
		return visit(hits)
	})
	return query.Result{Result: result, Exact: true}, err
}

// crashFields are fields that panic when they are looked up.
type crashFields struct{ mapping.Fields }

func (crashFields) Field(string) (mapping.Field, bool) { panic("a fault in binding") }

// crashOthers is the number of rules that do not panic.
const crashOthers = 1000

// TestOneRuleCrashesAlone: wherever a rule panics, it fails with its name and the panic, and a thousand other
// rules make their alerts.
func TestOneRuleCrashesAlone(t *testing.T) {
	node := newNode(t)
	client, err := elastic.New(elastic.Config{URLs: []string{node.URL}})
	must(t, err)
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	slot := time.Date(2026, time.March, 4, 10, 0, 0, 0, time.UTC)
	index := node.Name("crash")
	node.CreateIndex(t, index, object{"properties": object{"@timestamp": object{"type": "date"}, "n": object{"type": "keyword"}}})
	var docs []doc
	for i := range 20 {
		docs = append(docs, doc{index, strconv.Itoa(i), object{"@timestamp": stamp(slot, time.Duration(i+1)*time.Second), "n": fmt.Sprintf("n%d", i%4)}})
	}
	put(t, node, docs)
	file := dump(t, node, index)
	plans := crashPlans(t, index)
	fields, err := mapping.ParseIndices([]byte(`{"properties": {"@timestamp": {"type": "date"}, "n": {"type": "keyword"}}}`))
	must(t, err)
	for _, place := range []crashPlace{crashLowering, crashReading, crashBinding, crashMatching, crashExecuting} {
		for _, m := range differModes {
			t.Run(string(place)+", "+m.name, func(t *testing.T) {
				var events search.Events = client
				if m.embedded {
					opened, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{file}, Mapping: fields})
					must(t, err)
					must(t, diags.Err())
					t.Cleanup(func() { _ = opened.Close() })
					events = opened
				}
				crashRound(t, events, m.pin, plans, place, slot)
			})
		}
	}
}

// crashPlans returns the plans of rules that find five events each.
func crashPlans(t *testing.T, index string) []query.Plan {
	t.Helper()
	var export strings.Builder
	for i := range crashOthers + 1 {
		fmt.Fprintf(&export, `{"rule_id":"r%04d","name":"r","description":"d","risk_score":1,"severity":"low","type":"query","language":"kuery","index":[%q],"from":"now-10m","interval":"5m","query":"n: n%d and not n: x%d"}`+"\n",
			i, index, i%4, i)
	}
	path := filepath.Join(t.TempDir(), "rules.ndjson")
	must(t, os.WriteFile(path, []byte(export.String()), 0o600))
	set, diags := rule.Load(path)
	must(t, diags.Err())
	var out []query.Plan
	for _, r := range set.Rules() {
		plan, diags := plans.For(r)
		must(t, diags.Err())
		out = append(out, plan)
	}
	return out
}

func crashRound(t *testing.T, events search.Events, pin planner.Strategy, plans []query.Plan, place crashPlace, slot time.Time) {
	t.Helper()
	alerts := store.NewMemory()
	round := &pipeline.Round{
		Pipeline: &pipeline.Pipeline{Events: events, Alerts: alerts, Instances: alerts, Now: func() time.Time { return slot }},
		Planner:  &planner.Planner{Pin: pin},
	}
	var jobs []pipeline.Job
	for i, plan := range plans {
		if i == len(plans)/2 {
			plan = crashPlan{plan, place}
		}
		jobs = append(jobs, pipeline.Job{Plan: plan, Slot: slot, Window: window.Window{From: slot.Add(-10 * time.Minute), To: slot}})
	}
	wrong := 0
	for i, x := range round.RunAll(t.Context(), jobs, nil) {
		if i == len(plans)/2 {
			if x.Status != pipeline.Failed || !errors.Is(x.Err, failure.ErrCrash) {
				t.Errorf("the rule that crashes: %s: %.300s", x.Status, x.Problem())
			}
			continue
		}
		if x.Status != pipeline.Succeeded || x.Created != 5 {
			if wrong++; wrong < 3 {
				t.Errorf("%s: %s, %d alerts: %.300s", x.RuleID, x.Status, x.Created, x.Problem())
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d other rules have not what they are to have", wrong, len(plans)-1)
	}
}
