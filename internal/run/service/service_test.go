package service_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"tocsin/internal/diag"
	"tocsin/internal/ledger"
	"tocsin/internal/ledger/lease"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/run/service"
	"tocsin/internal/scheduler/datemath"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newRule runs every minute and looks back two.
func newRule(t *testing.T, id string, change func(*rule.Rule)) *service.Rule {
	t.Helper()
	from, err := datemath.Parse("now-2m")
	if err != nil {
		t.Fatal(err)
	}
	to, err := datemath.Parse("now")
	if err != nil {
		t.Fatal(err)
	}
	r := &rule.Rule{
		ID: id, Name: id, Type: rule.TypeEQL, Language: rule.EQL, Index: []string{"logs-*"}, MaxSignals: 100, Interval: time.Minute,
		From: rule.Moment{Expr: from}, To: rule.Moment{Expr: to}, Query: diag.NewText("query", `process where true`),
	}
	if change != nil {
		change(r)
	}
	plan, diags := plans.For(r)
	if plan == nil {
		t.Fatal(diags)
	}
	out, err := service.NewRule(plan)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// single keeps a rule's slots from being merged, ordered makes them wait for each other.
func single(r *rule.Rule) { r.Query = diag.NewText("query", `process where true | head 5`) }

func ordered(r *rule.Rule) {
	r.AlertSuppression = &rule.AlertSuppression{GroupBy: []string{"host.name"}, Duration: time.Hour}
}

// rounds runs jobs as the test says, and records them.
type rounds struct {
	recorder *service.Recorder
	behind   bool
	outcome  func(job pipeline.Job, x *pipeline.Execution)

	mu  *sync.Mutex
	ran *[]pipeline.Job
}

func (r rounds) Run(ctx context.Context, job pipeline.Job) pipeline.Execution {
	return r.RunAll(ctx, []pipeline.Job{job}, nil)[0]
}

func (r rounds) RunAll(ctx context.Context, jobs []pipeline.Job, done func(pipeline.Execution)) []pipeline.Execution {
	out := make([]pipeline.Execution, len(jobs))
	for i, job := range jobs {
		out[i] = pipeline.Execution{
			RuleID: job.Plan.Rule().ID, Slot: job.Slot, Window: job.Window, Covers: job.Covers, Attempts: job.Attempts, Fence: job.Fence,
			Status: pipeline.Succeeded,
		}
		if r.outcome != nil {
			r.outcome(job, &out[i])
		}
		r.mu.Lock()
		*r.ran = append(*r.ran, job)
		r.mu.Unlock()
	}
	if err := r.recorder.Record(ctx, out); err != nil {
		for i := range out {
			out[i].Status, out[i].Err = pipeline.PartialFailure, err
		}
	}
	for _, x := range out {
		if done != nil {
			done(x)
		}
	}
	return out
}

// stage is a service with its surroundings.
type stage struct {
	*service.Service
	mu           sync.Mutex
	live, behind []pipeline.Job
}

func newStage(t *testing.T, store ledger.Store, outcome func(pipeline.Job, *pipeline.Execution), o service.Options, rules ...*service.Rule) *stage {
	t.Helper()
	st := &stage{}
	known := map[string]*service.Rule{}
	for _, r := range rules {
		known[r.ID()] = r
	}
	o.Recorder = &service.Recorder{Ledger: &ledger.Ledger{Store: store, Parse: service.ParseSchedule}, Now: o.Now, Log: slog.New(slog.DiscardHandler), Rules: known, Events: o.Events}
	o.Live = rounds{recorder: o.Recorder, outcome: outcome, mu: &st.mu, ran: &st.live}
	o.Behind = rounds{recorder: o.Recorder, outcome: outcome, mu: &st.mu, ran: &st.behind, behind: true}
	var err error
	if st.Service, err = service.New(rules, o); err != nil {
		t.Fatal(err)
	}
	return st
}

// play runs the service for a while.
func (s *stage) play(t *testing.T, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
}

// open returns the owed slots, as minutes since an origin.
func open(t *testing.T, store ledger.Store, origin time.Time, rules ...*service.Rule) []string {
	t.Helper()
	l := &ledger.Ledger{Store: store, MaxAge: 1000 * time.Hour}
	out := []string{}
	for _, r := range rules {
		owed, err := l.Owed(t.Context(), []ledger.Grid{r.Grid()}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range owed {
			out = append(out, fmt.Sprintf("%s %g %s", o.RuleID, o.Entry.Slot.Sub(origin).Minutes(), o.Entry.Status))
		}
	}
	return out
}

func begin(t *testing.T, store ledger.Store, rules ...*service.Rule) time.Time {
	t.Helper()
	l := &ledger.Ledger{Store: store}
	for _, r := range rules {
		if _, err := l.Begin(t.Context(), []ledger.Grid{r.Grid()}, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	return time.Now()
}

func slotsOf(jobs []pipeline.Job, origin time.Time) []float64 {
	out := []float64{}
	for _, j := range jobs {
		out = append(out, j.Slot.Sub(origin).Minutes())
	}
	return out
}

// TestDowntime: missed slots are caught up with, newest first; slots that come due meanwhile are
// live.
func TestDowntime(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*rule.Rule)
		behind []float64
	}{
		{"merged", nil, []float64{5}},
		{"one by one", single, []float64{5, 4, 3, 2, 1, 0}},
		{"in order", ordered, []float64{0, 1, 2, 3, 4, 5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, r := ledger.NewMemory(), newRule(t, "r", tt.change)
				origin := begin(t, store, r)
				time.Sleep(5*time.Minute + 10*time.Second)
				s := newStage(t, store, nil, service.Options{}, r)
				s.play(t, 2*time.Minute)
				if diff := cmp.Diff(tt.behind, slotsOf(s.behind, origin)); diff != "" {
					t.Error("behind:", diff)
				}
				if diff := cmp.Diff([]float64{6, 7}, slotsOf(s.live, origin)); diff != "" {
					t.Error("live:", diff)
				}
				if left := open(t, store, origin, r); len(left) > 0 {
					t.Error("open:", left)
				}
				if first := s.behind[0]; tt.name == "merged" && (len(first.Covers) != 6 || !first.Window.From.Equal(origin.Add(-2*time.Minute))) {
					t.Errorf("covers %v, window %s", first.Covers, first.Window)
				}
			})
		})
	}
}

// TestFailure: a failing slot is repeated until it is covered, and delays other slots only if their
// order matters.
func TestFailure(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*rule.Rule)
		live   int
	}{{"any order", nil, 9}, {"in order", ordered, 1}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, r := ledger.NewMemory(), newRule(t, "r", tt.change)
				begun := begin(t, store, r)
				last := time.Time{}
				s := newStage(t, store, func(job pipeline.Job, x *pipeline.Execution) {
					if job.Slot.Equal(begun.Add(time.Minute)) && job.Attempts < 3 {
						x.Status, x.Err = pipeline.Failed, errors.New("broken")
						return
					}
					if tt.name == "in order" && job.Slot.Before(last) {
						t.Errorf("slot %s after %s", job.Slot, last)
					}
					last = job.Slot
				}, service.Options{}, r)
				s.play(t, 9*time.Minute+30*time.Second)
				if left := open(t, store, begun, r); len(left) > 0 {
					t.Error("open:", left)
				}
				if len(s.live) < tt.live {
					t.Errorf("live: %v", slotsOf(s.live, begun))
				}
				pages, err := store.Pages(t.Context(), []string{"r"}, begun, begun)
				if err != nil || len(pages) != 1 {
					t.Fatal(pages, err)
				}
				if e, _ := pages[0].Find(begun.Add(time.Minute)); e.Status != ledger.Covered || e.Attempts != 4 {
					t.Errorf("the slot that failed: %+v", e)
				}
			})
		})
	}
}

// flaky is a ledger that is sometimes unavailable.
type flaky struct {
	ledger.Store
	mu   sync.Mutex
	down bool
}

var errDown = errors.New("down")

func (f *flaky) set(down bool) { f.mu.Lock(); f.down = down; f.mu.Unlock() }

func (f *flaky) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return errDown
	}
	return nil
}

func (f *flaky) Pages(ctx context.Context, ids []string, from, to time.Time) ([]ledger.Page, error) {
	if err := f.err(); err != nil {
		return nil, err
	}
	return f.Store.Pages(ctx, ids, from, to)
}

func (f *flaky) Heads(ctx context.Context, ids []string) ([]ledger.Head, error) {
	if err := f.err(); err != nil {
		return nil, err
	}
	return f.Store.Heads(ctx, ids)
}

// TestLedgerGone: a slot that could not be recorded is run again.
func TestLedgerGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, r := &flaky{Store: ledger.NewMemory()}, newRule(t, "r", nil)
		begun := begin(t, store, r)
		s := newStage(t, store, nil, service.Options{}, r)
		go func() {
			time.Sleep(90 * time.Second)
			store.set(true)
			time.Sleep(5 * time.Minute)
			store.set(false)
		}()
		s.play(t, 8*time.Minute+20*time.Second)
		if left := open(t, store, begun, r); len(left) > 0 {
			t.Error("open:", left)
		}
		if n := len(s.live); n != 8 {
			t.Errorf("live %v", slotsOf(s.live, begun))
		}
	})
}

// TestQueued: hits beyond max_signals are processed at once, with a higher limit.
func TestQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, r := ledger.NewMemory(), newRule(t, "r", nil)
		begun := begin(t, store, r)
		s := newStage(t, store, func(job pipeline.Job, x *pipeline.Execution) {
			if job.Slot.Equal(begun.Add(time.Minute)) && job.MaxAlerts == 0 {
				x.Status, x.Left = pipeline.PartialFailure, 500
			}
		}, service.Options{}, r)
		s.play(t, 90*time.Second)
		if left := open(t, store, begun, r); len(left) > 0 {
			t.Error("open:", left)
		}
		if diff := cmp.Diff([]float64{0, 1}, slotsOf(s.behind, begun)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestTooOld: slots beyond the maximum age are given up, and reported.
func TestTooOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, r := ledger.NewMemory(), newRule(t, "r", nil)
		begun := begin(t, store, r)
		time.Sleep(10 * 24 * time.Hour)
		given := 0
		s := newStage(t, store, nil, service.Options{Observe: func(now service.Standing) { given += now.GivenUp }}, r)
		s.play(t, 50*time.Second)
		if left := open(t, store, begun, r); len(left) > 0 {
			t.Error("open:", left)
		}
		if given != 3*24*60 {
			t.Errorf("%d slots were given up", given)
		}
		if n := len(s.behind); n < 28 || n > 200 {
			t.Errorf("%d runs for a week that can be merged", n)
		}
	})
}

// TestObservedWhileBusy: the standing is reported while the catch-up waits for a cluster that is busy, so that somebody can tell.
func TestObservedWhileBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, r := ledger.NewMemory(), newRule(t, "r", nil)
		begin(t, store, r)
		time.Sleep(10 * time.Minute)
		looks := 0
		s := newStage(t, store, nil, service.Options{
			Calm: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
			Observe: func(now service.Standing) {
				if now.Open["r"] >= 9 {
					looks++
				}
			},
		}, r)
		s.play(t, 8*time.Minute+20*time.Second)
		if looks < 8*60/10 {
			t.Errorf("the open slots were reported %d times in eight minutes", looks)
		}
		if len(s.behind) > 0 {
			t.Errorf("the catch-up did not wait: %v", s.behind)
		}
	})
}

// TestCutOff: a slot that is cut off by a shutdown counts as not run.
func TestCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, r := ledger.NewMemory(), newRule(t, "r", nil)
		begun := begin(t, store, r)
		s := newStage(t, store, func(job pipeline.Job, x *pipeline.Execution) {
			if job.Slot.After(begun) {
				x.Status, x.Err = pipeline.Failed, fmt.Errorf("search: %w", context.Canceled)
			}
		}, service.Options{}, r)
		s.play(t, 61*time.Second)
		if diff := cmp.Diff([]string{"r 1 planned"}, open(t, store, begun, r)); diff != "" {
			t.Error(diff)
		}
	})
}

// partition cuts a runner off from the lease store.
type partition struct {
	lease.Store
	mu  sync.Mutex
	cut bool
}

func (p *partition) Load(ctx context.Context) (lease.State, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut {
		return lease.State{}, errDown
	}
	return p.Store.Load(ctx)
}

// TestTakeover: the rules of a runner that is gone are run by the other within two periods,
// including the slots missed meanwhile.
func TestTakeover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, meeting := ledger.NewMemory(), &lease.Memory{}
		rules := []*service.Rule{}
		for i := range 8 {
			rules = append(rules, newRule(t, fmt.Sprintf("r%d", i), nil))
		}
		begun := begin(t, store, rules...)
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		stages := map[string]*stage{}
		cut := &partition{Store: meeting}
		for id, at := range map[string]lease.Store{"a": meeting, "b": cut} {
			var st *stage
			m := lease.New(at, lease.Options{ID: id, Changed: func() {
				if st != nil {
					st.Changed()
				}
			}})
			st = newStage(t, store, nil, service.Options{Owner: m}, rules...)
			stages[id] = st
			if err := m.Join(ctx); err != nil {
				t.Fatal(err)
			}
			group.Go(func() { m.Run(ctx) })
			group.Go(func() { _ = st.Run(ctx) })
		}
		time.Sleep(5*time.Minute + 30*time.Second)
		cut.mu.Lock()
		cut.cut = true
		cut.mu.Unlock()
		lost := time.Now()
		time.Sleep(28 * time.Second)
		if left := open(t, store, begun, rules...); len(left) > 0 {
			t.Errorf("open two periods after the loss: %v", left)
		}
		time.Sleep(4*time.Minute + 10*time.Second)
		cancel()
		group.Wait()
		if left := open(t, store, begun, rules...); len(left) > 0 {
			t.Error("open:", left)
		}
		for id, st := range stages {
			late := slices.ContainsFunc(append(st.live, st.behind...), func(j pipeline.Job) bool { return j.Slot.After(lost.Add(20 * time.Second)) })
			if early := len(st.live) > 10; !early || late != (id == "a") {
				t.Errorf("runner %s: %d live runs, some after the loss: %v", id, len(st.live), late)
			}
		}
	})
}

// TestReplaced: a runner that was replaced during a run cannot record its outcome.
func TestReplaced(t *testing.T) {
	store := ledger.NewMemory()
	l := &ledger.Ledger{Store: store}
	slot := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	recorder := &service.Recorder{Ledger: l, Log: slog.New(slog.DiscardHandler)}
	for _, x := range []pipeline.Execution{
		{RuleID: "r", Slot: slot, Fence: 2, Status: pipeline.Succeeded},
		{RuleID: "r", Slot: slot, Fence: 1, Status: pipeline.Failed, Err: errDown},
	} {
		if err := recorder.Record(t.Context(), []pipeline.Execution{x}); err != nil {
			t.Fatal(err)
		}
	}
	pages, err := store.Pages(t.Context(), []string{"r"}, slot, slot)
	if err != nil || len(pages) != 1 || pages[0].Entries[0].Status != ledger.Covered || pages[0].Entries[0].Fence != 2 {
		t.Error(pages, err)
	}
}
