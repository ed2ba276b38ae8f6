package backfill_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/backend/store"
	"tocsin/internal/ledger"
	"tocsin/internal/run/backfill"
)

// TestJobName: equal commands have the same job name, different ones different names.
func TestJobName(t *testing.T) {
	a := ruleText("a", "query", `process.name: x`, "")
	b := ruleText("b", "query", `process.name: x`, "")
	job := func(texts ...string) backfill.Job {
		return backfill.NewJob(load(t, false, texts...), hour(0), hour(9), "x", nil)
	}
	want := job(a, b)
	if got := job(b, a); got.ID != want.ID || len(want.ID) != 12 || want.Slots != 36 {
		t.Errorf("the order of rules names another job: %s, %s (%d slots)", got.ID, want.ID, want.Slots)
	}
	rules := load(t, false, a, b)
	seen := map[string]string{want.ID: "want"}
	for name, other := range map[string]backfill.Job{
		"one rule": job(a), "a rule that says something else": job(a, strings.Replace(b, "21", "22", 1)),
		"another range": backfill.NewJob(rules, hour(0), hour(8), "x", nil), "another target": backfill.NewJob(rules, hour(0), hour(9), "y", nil),
		"a setting": backfill.NewJob(rules, hour(0), hour(9), "x", map[string]string{"data-view": "1"}), "another value": backfill.NewJob(rules, hour(0), hour(9), "x", map[string]string{"data-view": "2"}),
	} {
		if same := seen[other.ID]; same != "" {
			t.Errorf("%s has the name of %s", name, same)
		}
		seen[other.ID] = name
	}
}

// TestTake: a name belongs to one job.
func TestTake(t *testing.T) {
	a := ruleText("a", "query", `process.name: x`, "")
	b := ruleText("b", "query", `process.name: x`, "")
	jobs := backfill.Jobs{Store: ledger.NewMemory()}
	named := func(j backfill.Job) backfill.Job { j.ID = "n"; return j }
	rules := load(t, false, a)
	first, err := jobs.Take(t.Context(), named(backfill.NewJob(rules, hour(0), hour(9), "x", nil)), hour(100))
	if err != nil || first.Taken != 1 {
		t.Fatal(first, err)
	}
	for text, other := range map[string]backfill.Job{
		"it is about 2026-01-14T20:00:00Z to 2026-01-15T05:00:00Z": backfill.NewJob(rules, hour(0), hour(8), "x", nil),
		"its alerts go to x":                              backfill.NewJob(rules, hour(0), hour(9), "y", nil),
		"it began with other settings: alerts, data-view": backfill.NewJob(rules, hour(0), hour(9), "x", map[string]string{"data-view": "1", "alerts": "2"}),
		"rule a is part of it":                            backfill.NewJob(load(t, false, b), hour(0), hour(9), "x", nil),
		"it has 1 rules, not 2":                           backfill.NewJob(load(t, false, a, b), hour(0), hour(9), "x", nil),
		"rule a has changed since it began":               backfill.NewJob(load(t, false, strings.Replace(a, "21", "22", 1)), hour(0), hour(9), "x", nil),
	} {
		if _, err := jobs.Take(t.Context(), named(other), hour(101)); !errors.Is(err, backfill.ErrOther) || !strings.Contains(err.Error(), text) {
			t.Errorf("want %q, got %v", text, err)
		}
	}
	if err := jobs.Cancel(t.Context(), "n"); err != nil {
		t.Fatal(err)
	}
	if err := jobs.Cancel(t.Context(), "none"); !errors.Is(err, backfill.ErrUnknown) {
		t.Error(err)
	}
	if j, err := jobs.Get(t.Context(), "n"); err != nil || !j.Cancelled {
		t.Error(j, err)
	}
	again, err := jobs.Take(t.Context(), first, hour(102))
	if err != nil || again.Taken != 2 || again.Cancelled || !again.Begun.Equal(hour(100)) || !again.Resumed.Equal(hour(102)) {
		t.Error(again, err)
	}
}

// TestBegin: a job keeps when it began, and the latest of its starts, however often and wherever it is interrupted.
func TestBegin(t *testing.T) {
	events := openEvents(t)
	rules := load(t, false, texts[:3]...)
	job := backfill.NewJob(rules, hour(0), hour(2.5), "x", nil)
	limitChecks(t, 20)
	rapid.Check(t, func(rt *rapid.T) {
		a, l := store.NewMemory(), ledger.NewMemory()
		jobs := backfill.Jobs{Store: l}
		now, began := hour(100), time.Time{}
		for n := range rapid.IntRange(1, 6).Draw(rt, "starts") {
			now = now.Add(time.Duration(rapid.IntRange(1, 5000).Draw(rt, "seconds later")) * time.Second)
			r := newRunner(events, a, l)
			at := now
			r.Options.Now = func() time.Time { return at }
			ctx, cancel := context.WithCancel(t.Context())
			switch rapid.SampledFrom([]string{"ends", "dies", "is interrupted", "is cancelled", "is taken over"}).Draw(rt, "it") {
			case "dies":
				life := &life{left: rapid.IntRange(1, 8).Draw(rt, "calls"), apply: rapid.Bool().Draw(rt, "last call is done")}
				r = newRunner(events, mortalAlerts{a, life}, mortalLedger{l, life})
				r.Options.Now = func() time.Time { return at }
			case "is interrupted":
				r.Options.Report = func(backfill.Progress) { cancel() }
			case "is cancelled":
				r.Options.Report = func(backfill.Progress) { _ = jobs.Cancel(t.Context(), job.ID) }
			case "is taken over":
				r.Options.Report = func(backfill.Progress) { _, _ = jobs.Take(t.Context(), job, at) }
			}
			_, _ = r.Run(ctx, job, rules) // whatever becomes of it
			cancel()
			all, err := jobs.List(t.Context())
			if err != nil {
				rt.Fatal(err)
			}
			if len(all) == 0 && began.IsZero() {
				continue // it died before it could say anything
			}
			if began.IsZero() {
				began = at
			}
			if len(all) != 1 || !all[0].Begun.Equal(began) || all[0].Resumed.Before(all[0].Begun) || all[0].Resumed.After(at) ||
				!all[0].From.Equal(job.From) || !all[0].To.Equal(job.To) || all[0].Slots != job.Slots {
				rt.Fatalf("after %d starts, the first at %s and the last at %s: %+v", n+1, began, at, all)
			}
		}
	})
}

func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{"a": true, "A-1_b.c": true, "": false, "a/b": false, "ü": false, "a b": false, strings.Repeat("x", 101): false} {
		if err := backfill.CheckName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestRange: a job has the slots from From on, and those before To.
func TestRange(t *testing.T) {
	rules := load(t, false, ruleText("a", "query", `process.name: x`, ""))
	for _, tt := range []struct {
		from, to float64
		want     int64
	}{{0, 1, 2}, {0, 1.25, 3}, {0.1, 1, 1}, {0.1, 0.4, 0}, {0.5, 1, 1}} {
		if got := backfill.NewJob(rules, hour(tt.from), hour(tt.to), "x", nil).Slots; got != tt.want {
			t.Errorf("%g to %g: %d slots, want %d", tt.from, tt.to, got, tt.want)
		}
	}
}
