package backfill_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/backend/store"
	"tocsin/internal/ledger"
	"tocsin/internal/run/backfill"
	"tocsin/internal/search"
)

// undisturbed returns the result of an uninterrupted run.
func undisturbed(t *testing.T, events search.Events, rules []backfill.Rule, hours float64) (map[string]map[string]any, backfill.Result) {
	t.Helper()
	a := store.NewMemory()
	result, err := newRunner(events, a, ledger.NewMemory()).Run(t.Context(), backfill.NewJob(rules, hour(0), hour(hours), "x", nil), rules)
	if err != nil || result.Left() != 0 {
		t.Fatal(err, result)
	}
	return contents(t, a), result
}

// TestMerged: merged slots make exactly the same alerts, to the last field, as single ones.
func TestMerged(t *testing.T) {
	events := openEvents(t)
	merged, account := undisturbed(t, events, load(t, false, texts...), 9)
	single, each := undisturbed(t, events, load(t, true, texts...), 9)
	if diff := cmp.Diff(single, merged); diff != "" {
		t.Errorf("-slot by slot +merged:\n%s", diff)
	}
	byRule := map[string]int{}
	for _, a := range merged {
		byRule[a["kibana.alert.rule.rule_id"].(string)]++
	}
	for i, a := range account.Accounts {
		if byRule[a.RuleID] < 2 || a.Slots != 18 || a.Covered != 18 {
			t.Errorf("%d alerts of rule %s, %+v", byRule[a.RuleID], a.RuleID, a)
		}
		if merges := a.RuleID == "few" || a.RuleID == "event"; merges != (a.Runs < each.Accounts[i].Runs) {
			t.Errorf("rule %s: %d runs, %d slot by slot", a.RuleID, a.Runs, each.Accounts[i].Runs)
		}
	}
	if account.Accounts[0].RuleID != "few" || account.Accounts[0].Runs <= 6 {
		t.Errorf("what max_signals left was not drained: %+v", account.Accounts[0])
	}
}

// TestKilled: a job whose process dies at any moment, any number of times, leaves the same result
// as an uninterrupted one.
func TestKilled(t *testing.T) {
	events := openEvents(t)
	rules := load(t, false, texts...)
	want, _ := undisturbed(t, events, rules, 2.5)
	job := backfill.NewJob(rules, hour(0), hour(2.5), "x", nil)
	limitChecks(t, 30) // each check runs whole jobs
	rapid.Check(t, func(rt *rapid.T) {
		a, l := store.NewMemory(), ledger.NewMemory()
		deaths := rapid.SliceOfN(rapid.IntRange(1, 16), 0, 3).Draw(rt, "calls until death")
		for _, calls := range deaths {
			life := &life{left: calls, apply: rapid.Bool().Draw(rt, "last call is done")}
			_, err := newRunner(events, mortalAlerts{a, life}, mortalLedger{l, life}).Run(t.Context(), job, rules)
			if err == nil {
				break // it had ended before
			}
		}
		result, err := newRunner(events, a, l).Run(t.Context(), job, rules)
		if err != nil || result.Left() != 0 {
			rt.Fatal(err, result)
		}
		if diff := cmp.Diff(want, contents(t, a)); diff != "" {
			rt.Errorf("-undisturbed +killed:\n%s", diff)
		}
		again, err := newRunner(events, a, l).Run(t.Context(), job, rules)
		if err != nil || again.Progress.Rounds != 0 || again.Progress.Before != job.Slots {
			rt.Errorf("what is covered was run again: %v, %+v", err, again.Progress)
		}
	})
}

// TestInterrupted: a job whose context ends continues where it stopped, and loses at most a round.
func TestInterrupted(t *testing.T) {
	events := openEvents(t)
	rules := load(t, false, texts...)
	want, whole := undisturbed(t, events, rules, 9)
	job := backfill.NewJob(rules, hour(0), hour(9), "x", nil)
	a, l := store.NewMemory(), ledger.NewMemory()
	rounds := int64(0)
	for n := 1; ; n++ {
		ctx, cancel := context.WithCancel(t.Context())
		r := newRunner(events, a, l)
		r.Options.Grace = time.Minute
		r.Options.Report = func(p backfill.Progress) {
			if p.Rounds == 5 {
				cancel()
			}
		}
		result, err := r.Run(ctx, job, rules)
		cancel()
		rounds += result.Progress.Rounds
		if err == nil {
			break
		}
		if !backfill.Interrupted(err) || result.Progress.Rounds != 5 || n > 100 {
			t.Fatal(n, err, result.Progress)
		}
	}
	if rounds != whole.Progress.Rounds {
		t.Errorf("%d rounds with interruptions, %d without", rounds, whole.Progress.Rounds)
	}
	if diff := cmp.Diff(want, contents(t, a)); diff != "" {
		t.Errorf("-undisturbed +interrupted:\n%s", diff)
	}
	jobs, err := backfill.Jobs{Store: l}.List(t.Context())
	if err != nil || len(jobs) != 1 || jobs[0].ID != job.ID || jobs[0].Taken < 3 || jobs[0].Slots != job.Slots {
		t.Error(jobs, err)
	}
	if done, err := (backfill.Jobs{Store: l}).Done(t.Context(), jobs[0]); err != nil || done != job.Slots {
		t.Error(done, err)
	}
}

// TestStopped: another process cancels or takes over a job.
func TestStopped(t *testing.T) {
	events := openEvents(t)
	rules := load(t, false, texts...)
	job := backfill.NewJob(rules, hour(0), hour(9), "x", nil)
	for _, tt := range []struct {
		name string
		do   func(context.Context, backfill.Jobs) error
		want error
	}{
		{"cancelled", func(ctx context.Context, j backfill.Jobs) error { return j.Cancel(ctx, job.ID) }, backfill.ErrCancelled},
		{"taken up", func(ctx context.Context, j backfill.Jobs) error {
			_, err := j.Take(ctx, job, hour(1000))
			return err
		}, backfill.ErrTaken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, l := store.NewMemory(), ledger.NewMemory()
			r := newRunner(events, a, l)
			now := hour(1000)
			r.Options.Now = func() time.Time { now = now.Add(time.Second); return now }
			r.Options.Report = func(p backfill.Progress) {
				if p.Rounds == 3 {
					if err := tt.do(t.Context(), r.Jobs); err != nil {
						t.Error(err)
					}
				}
			}
			result, err := r.Run(t.Context(), job, rules)
			if !errors.Is(err, tt.want) || result.Progress.Rounds > 4 {
				t.Error(err, result.Progress)
			}
			result, err = newRunner(events, a, l).Run(t.Context(), job, rules)
			if err != nil || result.Left() != 0 || result.Progress.Before == 0 {
				t.Error("it does not go on:", err, result.Progress)
			}
		})
	}
}
