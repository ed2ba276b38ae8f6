package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// fakeEvents returns its pages for every request.
type fakeEvents struct {
	target     search.Target
	resolveErr error

	pages [][]event.Event
	// total is the total that the search reports; nil: the number of events of all pages.
	total *int64
	err   error

	requests []search.Request
	// read is the number of pages handed out.
	read int
}

func (f *fakeEvents) Resolve(context.Context, []string, []string) (search.Target, error) {
	return f.target, f.resolveErr
}

func (f *fakeEvents) Search(ctx context.Context, r search.Request, visit search.Visit) (search.Result, error) {
	f.requests = append(f.requests, r)
	result := search.Result{Pages: len(f.pages)}
	for _, page := range f.pages {
		result.Total += int64(len(page))
	}
	if f.total != nil {
		result.Total = *f.total
	}
	for _, page := range f.pages {
		if err := ctx.Err(); err != nil {
			return result, fmt.Errorf("search: %w", err)
		}
		f.read++
		if more, err := visit(page); err != nil || !more {
			return result, err
		}
	}
	return result, f.err
}

// fakeAlerts remembers alerts. The functions, where they are set, decide otherwise.
type fakeAlerts struct {
	known map[string]bool
	// order has the ids of the events behind the new alerts, as they came.
	order []string
	docs  []alert.Document
	calls int

	outcome func(id string) alert.Written
	fail    func(call int) error
}

func (f *fakeAlerts) Create(ctx context.Context, docs []alert.Document) ([]alert.Written, error) {
	f.calls++
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	if f.fail != nil {
		if err := f.fail(f.calls); err != nil {
			return nil, err
		}
	}
	written := make([]alert.Written, len(docs))
	for i, d := range docs {
		written[i] = f.create(d)
	}
	return written, nil
}

func (f *fakeAlerts) create(d alert.Document) alert.Written {
	of := eventOf(d)
	if f.outcome != nil {
		if w := f.outcome(of); w.Outcome != alert.Created {
			w.ID = d.ID
			return w
		}
	}
	if f.known[d.ID] {
		return alert.Written{ID: d.ID, Outcome: alert.Duplicate}
	}
	if f.known == nil {
		f.known = map[string]bool{}
	}
	f.known[d.ID] = true
	f.order = append(f.order, of)
	f.docs = append(f.docs, d)
	return alert.Written{ID: d.ID, Outcome: alert.Created}
}

// eventOf is the _id of the event behind an alert.
func eventOf(d alert.Document) string {
	ancestors, _ := d.Source["kibana.alert.ancestors"].([]any)
	if len(ancestors) == 0 {
		return ""
	}
	last, _ := ancestors[len(ancestors)-1].(map[string]any)
	id, _ := last["id"].(string)
	return id
}

const ruleFile = `
[rule]
description = "A rule."
from = "now-9m"
index = ["logs-*", "other-*"]
language = "eql"
name = "Thing"
query = 'any where true'
risk_score = 47
rule_id = "r1"
severity = "medium"
type = "eql"
`

// plan plans a rule: ruleFile with other queries and limits.
func plan(t *testing.T, query0 string, maxSignals int) query.Plan {
	t.Helper()
	content := strings.Replace(ruleFile, "any where true", query0, 1)
	content += fmt.Sprintf("max_signals = %d\n", maxSignals)
	r, diags := rule.Parse("rule.toml", content)
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	p, diags := plans.For(r)
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	return p
}

var (
	slot = time.Date(2026, 1, 15, 14, 10, 0, 0, time.UTC)
	span = window.Window{From: slot.Add(-9 * time.Minute), To: slot}
)

// clock moves on by a second each time that it is looked at.
func clock() func() time.Time {
	now := slot.Add(time.Second)
	return func() time.Time {
		now = now.Add(time.Second)
		return now
	}
}

// ordinary is a target on which nothing is amiss.
func ordinary() search.Target {
	return search.Target{Indices: []string{"logs-a", "other-b"}, Fields: fields(mapping.Keyword)}
}

// fields maps the time, and the address as the given type.
func fields(address mapping.Type) mapping.Table {
	return mapping.Table{
		"@timestamp": {Name: "@timestamp", Type: mapping.Date},
		"source.ip":  {Name: "source.ip", Type: address},
	}
}

// events are n events with the ids e<from> and on.
func events(from, n int) []event.Event {
	list := make([]event.Event, n)
	for i := range list {
		list[i] = anEvent(fmt.Sprintf("e%d", from+i), `{"@timestamp":"2026-01-15T14:05:00Z"}`)
	}
	return list
}

func anEvent(id, source string) event.Event {
	return event.Event{Index: "logs-a", ID: id, Source: json.RawMessage(source)}
}

// run runs a rule that takes every event.
func run(t *testing.T, e *fakeEvents, a *fakeAlerts, maxSignals int) pipeline.Execution {
	t.Helper()
	return runPlan(t, e, a, plan(t, "any where true", maxSignals))
}

func runPlan(t *testing.T, e *fakeEvents, a *fakeAlerts, p query.Plan) pipeline.Execution {
	t.Helper()
	line := &pipeline.Pipeline{Events: e, Alerts: a, Now: clock()}
	return line.Run(t.Context(), pipeline.Job{Plan: p, Slot: slot, Window: span})
}

// counts are the numbers of an execution and its status.
type counts struct {
	Status                               pipeline.Status
	Hits, Left                           int64
	Created, Duplicates, Failed, Skipped int
}

func countsOf(x pipeline.Execution) counts {
	return counts{x.Status, x.Hits, x.Left, x.Created, x.Duplicates, x.Failed, x.Skipped}
}

var errBroken = errors.New("broken")
