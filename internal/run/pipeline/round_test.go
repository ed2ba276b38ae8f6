package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/store"
	"tocsin/internal/diag"
	"tocsin/internal/ledger"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search/planner"
)

// someRule plans a rule for events of one name.
func someRule(t *testing.T, id, name string) query.Plan {
	t.Helper()
	content := strings.Replace(strings.Replace(ruleFile, "any where true", `any where process.name == "`+name+`"`, 1), `"r1"`, `"`+id+`"`, 1)
	r, diags := rule.Parse(id+".toml", content)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	p, diags := plans.For(r)
	if p == nil {
		t.Fatal(diags)
	}
	return p
}

// stored are events in a file: one of each name, in the window.
func stored(t *testing.T, names ...string) *store.Events {
	t.Helper()
	var lines strings.Builder
	for i, n := range names {
		fmt.Fprintf(&lines, `{"_index":"logs-a","_id":"%d","_source":{"@timestamp":"2026-01-15T14:05:0%dZ","process":{"name":%q}}}`+"\n", i, i, n)
	}
	events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(lines.String())})
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	t.Cleanup(func() { _ = events.Close() })
	return events
}

// recorder records the executions, or fails.
type recorder struct {
	err  error
	told [][]string
}

func (r *recorder) Record(_ context.Context, executions []pipeline.Execution) error {
	var ids []string
	for _, x := range executions {
		ids = append(ids, x.RuleID+" "+string(x.Status))
	}
	r.told = append(r.told, ids)
	return r.err
}

func jobOf(p query.Plan) pipeline.Job { return pipeline.Job{Plan: p, Slot: slot, Window: span} }

func TestRoundRunsTogether(t *testing.T) {
	kept := &recorder{}
	var rounds []planner.Round
	r := &pipeline.Round{
		Pipeline: &pipeline.Pipeline{Events: stored(t, "a", "b", "a"), Alerts: store.NewMemory()}, Planner: &planner.Planner{},
		Recorder: kept, Observe: func(p planner.Round) { rounds = append(rounds, p) },
	}
	jobs := []pipeline.Job{jobOf(someRule(t, "ra", "a")), jobOf(someRule(t, "rb", "b")), jobOf(someRule(t, "rc", "c"))}
	done := make(chan string, len(jobs))
	out := r.RunAll(t.Context(), jobs, func(x pipeline.Execution) { done <- x.RuleID })
	var got []string
	for _, x := range out {
		got = append(got, fmt.Sprintf("%s %s %d", x.RuleID, x.Status, x.Created))
	}
	if diff := cmp.Diff([]string{"ra succeeded 2", "rb succeeded 1", "rc succeeded 0"}, got); diff != "" || len(done) != 3 {
		t.Error(diff, len(done))
	}
	if len(rounds) != 1 || rounds[0].Scan.Answered != 3 || rounds[0].Scan.Events != 3 {
		t.Errorf("rounds: %+v", rounds)
	}
	if diff := cmp.Diff([][]string{{"ra succeeded", "rb succeeded", "rc succeeded"}}, kept.told); diff != "" {
		t.Error(diff)
	}
}

// TestRoundGathers: runs that begin at about the same time make one round.
func TestRoundGathers(t *testing.T) {
	kept := &recorder{}
	r := &pipeline.Round{
		Pipeline: &pipeline.Pipeline{Events: stored(t, "a", "b"), Alerts: store.NewMemory()}, Planner: &planner.Planner{},
		Recorder: kept, Gather: 100 * time.Millisecond,
	}
	plans := []query.Plan{someRule(t, "ra", "a"), someRule(t, "rb", "b")}
	results := make([]pipeline.Execution, len(plans))
	var running sync.WaitGroup
	for i, p := range plans {
		running.Go(func() { results[i] = r.Run(t.Context(), jobOf(p)) })
	}
	running.Wait()
	if results[0].RuleID != "ra" || results[1].RuleID != "rb" || results[0].Created != 1 || results[1].Created != 1 {
		t.Errorf("%+v", results)
	}
	if len(kept.told) != 1 {
		t.Error("rounds:", kept.told)
	}
}

// TestRoundRecordFails: a window that the ledger has not recorded is not covered.
func TestRoundRecordFails(t *testing.T) {
	broken := errors.New("no ledger")
	r := &pipeline.Round{
		Pipeline: &pipeline.Pipeline{Events: stored(t, "a"), Alerts: store.NewMemory()}, Planner: &planner.Planner{}, Recorder: &recorder{err: broken},
	}
	x := r.RunAll(t.Context(), []pipeline.Job{jobOf(someRule(t, "ra", "a"))}, nil)[0]
	if x.Status != pipeline.PartialFailure || !errors.Is(x.Err, broken) || x.Created != 1 {
		t.Errorf("%+v", x)
	}
}

// crashing is a plan whose preparation, or execution, panics.
type crashing struct {
	query.Plan
	late bool
}

func (c crashing) Prepare(ctx context.Context, src query.Source) (query.Prepared, diag.List, error) {
	if !c.late {
		panic("early")
	}
	p, diags, err := c.Plan.Prepare(ctx, src)
	return crashingLate{p}, diags, err
}

type crashingLate struct{ query.Prepared }

func (crashingLate) Execute(context.Context, query.Source, window.Window, query.Visit) (query.Result, error) {
	panic("late")
}

func TestRoundCrashIsKeptApart(t *testing.T) {
	r := &pipeline.Round{Pipeline: &pipeline.Pipeline{Events: stored(t, "a"), Alerts: store.NewMemory()}, Planner: &planner.Planner{}}
	good := someRule(t, "ra", "a")
	out := r.RunAll(t.Context(), []pipeline.Job{jobOf(crashing{Plan: good}), jobOf(crashing{good, true}), jobOf(good)}, nil)
	for i, want := range []string{"early", "late"} {
		if x := out[i]; x.Status != pipeline.Failed || !strings.Contains(x.Problem(), want) {
			t.Errorf("%s: %s, %s", want, x.Status, x.Problem())
		}
	}
	if out[2].Status != pipeline.Succeeded || out[2].Created != 1 {
		t.Errorf("%+v", out[2])
	}
}

// crashingEvents panics when patterns are resolved, in the common part of a round.
type crashingEvents struct{ *store.Events }

func (crashingEvents) Locate(context.Context, []string) (func(string) bool, error) { panic("locate") }

// crashingRecorder crashes when all has been done.
type crashingRecorder struct{}

func (crashingRecorder) Record(context.Context, []pipeline.Execution) error { panic("record") }

// TestRoundCrashes: when what serves all jobs crashes, each of them ends, and none is covered.
func TestRoundCrashes(t *testing.T) {
	for _, tt := range []struct {
		name   string
		round  *pipeline.Round
		status pipeline.Status
	}{
		{"locate", &pipeline.Round{Pipeline: &pipeline.Pipeline{Events: crashingEvents{stored(t, "a")}}, Planner: &planner.Planner{Pin: planner.Scan}}, pipeline.Failed},
		{"record", &pipeline.Round{
			Pipeline: &pipeline.Pipeline{Events: stored(t, "a")}, Planner: &planner.Planner{}, Recorder: crashingRecorder{},
		}, pipeline.PartialFailure},
	} {
		tt.round.Pipeline.Alerts, tt.round.Gather = store.NewMemory(), 50*time.Millisecond
		var running sync.WaitGroup
		for _, id := range []string{"ra", "rb"} {
			running.Go(func() {
				if x := tt.round.Run(t.Context(), jobOf(someRule(t, id, "a"))); x.RuleID != id || x.Status != tt.status || !strings.Contains(x.Problem(), tt.name) {
					t.Errorf("%s: %+v", tt.name, x)
				}
			})
		}
		running.Wait()
	}
}

// TestRoundOutlivesItsFirst: the first job may be cancelled; the others go on.
func TestRoundOutlivesItsFirst(t *testing.T) {
	r := &pipeline.Round{
		Pipeline: &pipeline.Pipeline{Events: stored(t, "a", "b"), Alerts: store.NewMemory()}, Planner: &planner.Planner{}, Gather: 50 * time.Millisecond,
	}
	ctx, cancel := context.WithCancel(t.Context())
	var first, second pipeline.Execution
	a, b := someRule(t, "ra", "a"), someRule(t, "rb", "b")
	var running sync.WaitGroup
	running.Go(func() { first = r.Run(ctx, jobOf(a)) })
	time.AfterFunc(10*time.Millisecond, func() { cancel() })
	running.Go(func() { second = r.Run(t.Context(), jobOf(b)) })
	running.Wait()
	if first.Status != pipeline.Failed || !errors.Is(first.Err, context.Canceled) {
		t.Errorf("first: %+v", first)
	}
	if second.Status != pipeline.Succeeded || second.Created != 1 {
		t.Errorf("second: %+v", second)
	}
}

func TestEntries(t *testing.T) {
	earlier := slot.Add(-5 * time.Minute)
	for _, tt := range []struct {
		name string
		in   pipeline.Execution
		want []ledger.Entry
	}{
		{"covered", pipeline.Execution{Status: pipeline.Succeeded, Hits: 3, Created: 2, Duplicates: 1, Read: 9, Took: time.Second}, []ledger.Entry{
			{Slot: slot, Status: ledger.Covered, Attempts: 1, Fence: 7, Hits: 3, Created: 2, Duplicates: 1, Read: 9, Took: time.Second},
		}},
		{"several slots", pipeline.Execution{Status: pipeline.Succeeded, Hits: 3, Covers: []time.Time{earlier, slot}}, []ledger.Entry{
			{Slot: earlier, Status: ledger.Covered, Attempts: 1, Fence: 7}, {Slot: slot, Status: ledger.Covered, Attempts: 1, Fence: 7, Hits: 3},
		}},
		{"queued", pipeline.Execution{Status: pipeline.PartialFailure, Left: 4, Attempts: 2}, []ledger.Entry{
			{Slot: slot, Status: ledger.Queued, Attempts: 3, Fence: 7, Queued: 4, Error: "max_signals left 4 hits unprocessed"},
		}},
		{"a part", pipeline.Execution{Status: pipeline.PartialFailure, Left: 4, Err: errors.New("shards")}, []ledger.Entry{
			{Slot: slot, Status: ledger.Partial, Attempts: 1, Fence: 7, Queued: 4, Error: "shards"},
		}},
		{"failed", pipeline.Execution{Status: pipeline.Failed, Err: errors.New("down")}, []ledger.Entry{
			{Slot: slot, Status: ledger.Failed, Attempts: 1, Fence: 7, Error: "down"},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.in.Slot = slot
			for i := range tt.want {
				tt.want[i].Ended = slot.Add(time.Minute)
			}
			if diff := cmp.Diff(tt.want, tt.in.Entries(slot.Add(time.Minute), 7)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
