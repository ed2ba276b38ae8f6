package health_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/diag/failure"
	"tocsin/internal/run/health"
	"tocsin/internal/run/pipeline"
)

// TestOverlapping: executions overlap, and each sees what was so at some moment of its time. One fault is told once, and its end once,
// however long they take and in whatever order they end; and the end is not told while the fault lasts.
func TestOverlapping(t *testing.T) {
	faults := map[string]func(x *pipeline.Execution){
		"privilege": func(x *pipeline.Execution) {
			x.Status, x.Err = pipeline.Failed, &failure.Error{Kind: failure.Refused, Op: "search", Status: 403, Unread: failure.Forbidden, Reason: "on indices [logs-a]"}
		},
		"rule": func(x *pipeline.Execution) { x.Status, x.Err = pipeline.Failed, errors.New("no") },
		"alerts": func(x *pipeline.Execution) {
			x.Status, x.Err = pipeline.Failed, &pipeline.WriteError{What: pipeline.WrittenAlerts, Err: &failure.Error{Kind: failure.Rejected, Status: 429, Type: "cluster_block_exception", Reason: "read-only"}}
		},
		"pattern": func(x *pipeline.Execution) { x.Unmet = []string{"logs-*"} },
	}
	names := []string{"privilege", "rule", "alerts", "pattern"}
	rapid.Check(t, func(t *rapid.T) {
		fault := faults[rapid.SampledFrom(names).Draw(t, "fault")]
		second := func(low, high int, name string) time.Time {
			return start.Add(time.Duration(rapid.IntRange(low, high).Draw(t, name)) * time.Second)
		}
		from := second(20, 60, "from")
		to := from.Add(second(0, 80, "lasts").Sub(start))
		type run struct {
			began, saw, ended time.Time
		}
		var runs []run
		for range rapid.IntRange(1, 40).Draw(t, "runs") {
			r := run{began: second(0, 200, "began")}
			r.ended = r.began.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "took")) * time.Second)
			r.saw = r.began.Add(time.Duration(rapid.Float64Range(0, 1).Draw(t, "saw") * float64(r.ended.Sub(r.began))))
			runs = append(runs, r)
		}
		runs = append(runs, run{start, start, start}) // it has matched indices before
		for i := range 20 {                           // it goes on
			at := start.Add(time.Duration(300+i) * time.Second)
			runs = append(runs, run{at, at, at})
		}
		slices.SortStableFunc(runs, func(a, b run) int { return a.ended.Compare(b.ended) })
		out := &outbox{}
		b := newBoard(&health.Memory{}, out, "me", false)
		w := health.NewWatch(b)
		for _, r := range runs {
			x := pipeline.Execution{RuleID: "r", Status: pipeline.Succeeded, Created: 1, Took: r.ended.Sub(r.began), Resolved: true, Patterns: []string{"logs-*"}}
			if !r.saw.Before(from) && r.saw.Before(to) {
				x.Created = 0
				fault(&x)
			}
			w.Execution(x, health.Rule{ID: "r", Name: "r", Patterns: []string{"logs-*"}}, r.ended)
			if err := b.Sync(t.Context(), r.ended); err != nil {
				t.Fatal(err)
			}
			if len(out.told) > 1 && r.ended.Before(to) {
				t.Fatalf("at %s, while the fault lasts until %s: %v", r.ended, to, out.told)
			}
		}
		if len(out.told) > 2 || len(b.States()) > 0 {
			t.Fatalf("told %v, and there is %v", out.told, b.States())
		}
	})
}

// TestFullDisk: when a disk is full, nothing can be written. Executions whose alerts were written before find it out by the ledger or the
// outbox, and others by the alerts: it is told once, as what it is.
func TestFullDisk(t *testing.T) {
	full := &failure.Error{Kind: failure.Rejected, Status: 429, Type: "cluster_block_exception", Reason: "flood stage"}
	rapid.Check(t, func(t *rapid.T) {
		out := &outbox{}
		b := newBoard(&health.Memory{}, out, "me", false)
		w := health.NewWatch(b)
		now := start
		for range rapid.IntRange(3, 12).Draw(t, "runs") {
			now = now.Add(time.Second)
			what := rapid.SampledFrom([]pipeline.Written{pipeline.WrittenAlerts, pipeline.WrittenLedger, pipeline.WrittenNotices}).Draw(t, "finds")
			w.Execution(pipeline.Execution{RuleID: rapid.SampledFrom([]string{"r1", "r2"}).Draw(t, "rule"), Status: pipeline.Failed, Err: &pipeline.WriteError{What: what, Err: full}, Took: time.Second}, health.Rule{}, now)
			select {
			case <-w.Full():
				now = now.Add(time.Millisecond)
				w.Writable(full, now)
				w.Probed(nil, now)
			default:
			}
			if err := b.Sync(t.Context(), now); err != nil {
				t.Fatal(err)
			}
		}
		if want := []string{"state/alerts-not-writable/alerts/1/raised"}; !slices.Equal(out.told, want) {
			t.Errorf("told %v", out.told)
		}
	})
}

// TestClockSetBack: after the clock was set back, what is found counts as before.
func TestClockSetBack(t *testing.T) {
	out := &outbox{}
	b := newBoard(&health.Memory{}, out, "me", false)
	failing := []health.Finding{{Kind: health.RuleFailing, Subject: "r", Text: "no"}}
	kinds := []health.Kind{health.RuleFailing}
	look := func(at time.Time, found []health.Finding) {
		b.Examined("r", kinds, found, at.Add(-time.Second), at)
		if err := b.Sync(t.Context(), at); err != nil {
			t.Fatal(err)
		}
	}
	ahead := start.Add(time.Hour)
	look(ahead, failing)
	look(ahead.Add(2*time.Second), failing)
	look(start.Add(4*time.Second), nil)
	look(start.Add(6*time.Second), nil)
	if len(out.told) != 2 || len(b.States()) > 0 {
		t.Errorf("told %v", out.told)
	}
}
