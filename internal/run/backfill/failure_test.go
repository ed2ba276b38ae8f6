package backfill_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/ledger"
	"tocsin/internal/run/backfill"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/search/batch"
)

// rounds runs jobs as a function says.
type rounds func(pipeline.Job) pipeline.Execution

func (rounds) ReadAhead(context.Context, []pipeline.Job) *batch.Ahead { return nil }

func (r rounds) RunAll(_ context.Context, jobs []pipeline.Job, _ func(pipeline.Execution)) []pipeline.Execution {
	out := make([]pipeline.Execution, len(jobs))
	for i, j := range jobs {
		out[i] = r(j)
		out[i].RuleID, out[i].Slot, out[i].Covers, out[i].Attempts = j.Plan.Rule().ID, j.Slot, j.Covers, j.Attempts
	}
	return out
}

var errBroken = errors.New("broken")

func failed() pipeline.Execution { return pipeline.Execution{Status: pipeline.Failed, Err: errBroken} }

func succeeded() pipeline.Execution { return pipeline.Execution{Status: pipeline.Succeeded} }

// describe formats a job as its slot, in hours, and its number of slots.
func describe(j pipeline.Job) string {
	return fmt.Sprintf("%g/%d#%d", j.Slot.Sub(begin).Hours(), max(1, len(j.Covers)), j.Attempts)
}

// TestFailures: the handling of slots that fail, and of the rules that depend on them.
func TestFailures(t *testing.T) {
	event := ruleText("r", "query", `process.name: *`, "")
	threshold := ruleText("r", "threshold", `process.name: *`, "[rule.threshold]\nvalue = 3\n")
	sequence := ruleText("r", "eql", `sequence [any where true] [any where true]`, "")
	tests := []struct {
		name, rule string
		do         func(j pipeline.Job, n int) pipeline.Execution
		runs       []string
		left       int64
		stopped    bool
	}{
		{
			name: "merged", rule: event, do: func(pipeline.Job, int) pipeline.Execution { return succeeded() },
			runs: []string{"1.5/4#0", "2/1#0"},
		},
		{
			name: "about now, side by side", rule: ruleText("r", "query", `file.created >= now-10m`, ""),
			do:   func(pipeline.Job, int) pipeline.Execution { return succeeded() },
			runs: []string{"0/1#0", "0.5/1#0", "1/1#0", "1.5/1#0", "2/1#0"},
		},
		{
			name: "one of them fails", rule: ruleText("r", "query", `file.created >= now-10m`, ""),
			do: func(j pipeline.Job, _ int) pipeline.Execution {
				if j.Slot.Equal(hour(0.5)) {
					return failed()
				}
				return succeeded()
			},
			runs: []string{"0/1#0", "0.5/1#0", "1/1#0", "1.5/1#0", "0.5/1#1", "0.5/1#2", "2/1#0"}, left: 1,
		},
		{
			name: "in order", rule: threshold, do: func(pipeline.Job, int) pipeline.Execution { return succeeded() },
			runs: []string{"0/1#0", "0.5/1#0", "1/1#0", "1.5/1#0", "2/1#0"},
		},
		{
			name: "a merged run that fails is split, the oldest first", rule: event,
			do: func(j pipeline.Job, _ int) pipeline.Execution {
				if len(j.Covers) > 1 {
					return failed()
				}
				return succeeded()
			},
			runs: []string{"1.5/4#0", "0/1#1", "0.5/1#1", "1/1#1", "1.5/1#1", "2/1#0"},
		},
		{
			name: "one slot that fails stays alone", rule: event,
			do: func(j pipeline.Job, _ int) pipeline.Execution {
				if len(j.Covers) > 1 || j.Slot.Equal(hour(1)) {
					return failed()
				}
				return succeeded()
			},
			runs: []string{"1.5/4#0", "0/1#1", "0.5/1#1", "1/1#1", "1.5/1#1", "1/1#2", "2/1#0"}, left: 1,
		},
		{
			name: "an order is not broken", rule: threshold,
			do: func(j pipeline.Job, _ int) pipeline.Execution {
				if j.Slot.Equal(hour(0.5)) {
					return failed()
				}
				return succeeded()
			},
			runs: []string{"0/1#0", "0.5/1#0", "0.5/1#1", "0.5/1#2"}, left: 4, stopped: true,
		},
		{
			name: "where there is none, the next slot is run", rule: sequence,
			do: func(j pipeline.Job, _ int) pipeline.Execution {
				if j.Slot.Equal(hour(0.5)) {
					return failed()
				}
				return succeeded()
			},
			runs: []string{"0/1#0", "0.5/1#0", "0.5/1#1", "0.5/1#2", "1/1#0", "1.5/1#0", "2/1#0"}, left: 1,
		},
		{
			name: "a failure in passing", rule: threshold,
			do: func(_ pipeline.Job, n int) pipeline.Execution {
				if n == 1 {
					return failed()
				}
				return succeeded()
			},
			runs: []string{"0/1#0", "0/1#1", "0.5/1#0", "1/1#0", "1.5/1#0", "2/1#0"},
		},
		{
			name: "a rule that cannot run is not tried again", rule: event,
			do: func(pipeline.Job, int) pipeline.Execution {
				return pipeline.Execution{Status: pipeline.Failed, Diagnostics: diag.List{{Severity: diag.Error, Message: "no"}}}
			},
			runs: []string{"1.5/4#0"}, left: 5, stopped: true,
		},
		{
			name: "what max_signals leaves is drained", rule: event,
			do: func(_ pipeline.Job, n int) pipeline.Execution {
				if n < 3 {
					return pipeline.Execution{Status: pipeline.PartialFailure, Created: 100, Left: 50}
				}
				return succeeded()
			},
			runs: []string{"1.5/4#0", "1.5/4#0", "1.5/4#0", "2/1#0"},
		},
		{
			name: "a drain that gets no further fails", rule: threshold,
			do: func(pipeline.Job, int) pipeline.Execution {
				return pipeline.Execution{Status: pipeline.PartialFailure, Left: 50}
			},
			runs: []string{"0/1#0", "0/1#1", "0/1#2"}, left: 5, stopped: true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rules := load(t, false, tt.rule)
			var runs []string
			r := newRunner(nil, nil, ledger.NewMemory())
			r.Rounds = rounds(func(j pipeline.Job) pipeline.Execution {
				runs = append(runs, describe(j))
				return tt.do(j, len(runs))
			})
			result, err := r.Run(t.Context(), backfill.NewJob(rules, hour(0), hour(2.5), "x", nil), rules)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.runs, runs); diff != "" {
				t.Error(diff)
			}
			a := result.Accounts[0]
			if a.Left() != tt.left || (a.Stopped != "") != tt.stopped || (a.Problem != "") != (a.Left() > 0) && tt.left > 0 {
				t.Errorf("%+v, %d left", a, a.Left())
			}
			if p := result.Progress; p.Covered+p.Passed != p.Slots || p.Passed != tt.left {
				t.Errorf("%+v", p)
			}
		})
	}
}

// TestHopeless: a rule whose every run fails does not delay the others for ever.
func TestHopeless(t *testing.T) {
	rules := load(t, false, ruleText("bad", "query", `process.name: *`, ""), ruleText("good", "query", `process.name: *`, ""))
	runs := map[string]int{}
	r := newRunner(nil, nil, ledger.NewMemory())
	r.Rounds = rounds(func(j pipeline.Job) pipeline.Execution {
		id := j.Plan.Rule().ID
		runs[id]++
		if id == "bad" {
			return failed()
		}
		return succeeded()
	})
	result, err := r.Run(t.Context(), backfill.NewJob(rules, hour(0), hour(240), "x", nil), rules)
	if err != nil {
		t.Fatal(err)
	}
	if a := result.Accounts[0]; a.Stopped == "" || a.Left() != 480 || runs["bad"] > 30 {
		t.Errorf("%+v after %d runs", a, runs["bad"])
	}
	if a := result.Accounts[1]; a.Left() != 0 || runs["good"] != 120 {
		t.Errorf("%+v after %d runs", a, runs["good"])
	}
}

// TestUnreachable: if the backend does not answer, the run ends with the error, and the job can be
// resumed.
func TestUnreachable(t *testing.T) {
	rules := load(t, false, texts...)
	job := backfill.NewJob(rules, hour(0), hour(9), "x", nil)
	store := ledger.NewMemory()
	r := newRunner(nil, nil, store)
	down := errors.New("down")
	answers := 0
	r.Rounds = rounds(func(pipeline.Job) pipeline.Execution {
		if answers++; answers > 20 {
			return failed()
		}
		return succeeded()
	})
	r.Options.Ready = func(context.Context) error { return down }
	result, err := r.Run(t.Context(), job, rules)
	if !errors.Is(err, down) || result.Left() == 0 || result.Progress.Covered == 0 {
		t.Fatal(err, result.Progress)
	}
	before := result.Progress.Covered
	r = newRunner(nil, nil, store)
	r.Rounds = rounds(func(pipeline.Job) pipeline.Execution { return succeeded() })
	result, err = r.Run(t.Context(), job, rules)
	if err != nil || result.Left() != 0 || result.Progress.Before != before {
		t.Error(err, result.Progress)
	}
}

type gate struct{ waits, limit int }

func (g *gate) Wait(context.Context) error {
	if g.waits++; g.waits > g.limit {
		return context.Canceled
	}
	return nil
}

// TestGate: no round begins before the gate opens.
func TestGate(t *testing.T) {
	rules := load(t, false, texts...)
	r := newRunner(nil, nil, ledger.NewMemory())
	n := int64(0)
	g := &gate{limit: 7}
	r.Options.Gate = g.Wait
	r.Rounds = rounds(func(pipeline.Job) pipeline.Execution { n++; return succeeded() })
	result, err := r.Run(t.Context(), backfill.NewJob(rules, hour(0), hour(9), "x", nil), rules)
	if !backfill.Interrupted(err) || result.Progress.Rounds != 7 || g.waits != 8 || n == 0 {
		t.Error(err, result.Progress, g.waits)
	}
}

func TestPace(t *testing.T) {
	p := backfill.Progress{Covered: 90, Passed: 10, Told: hour(1), Remaining: time.Minute}
	if rate := p.Rate(10 * time.Second); rate != 10 {
		t.Error(rate)
	}
	for after, want := range map[time.Duration]time.Duration{-time.Second: time.Minute, 0: time.Minute, 50 * time.Second: 10 * time.Second, time.Hour: 0} {
		if left := p.RemainingAt(hour(1).Add(after)); left != want {
			t.Errorf("after %s: %s, want %s", after, left, want)
		}
	}
	if left := (backfill.Progress{Remaining: -1}).RemainingAt(hour(1)); left >= 0 {
		t.Error("an estimate out of nothing:", left)
	}
}
