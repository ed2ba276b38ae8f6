package service_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/internal/ledger"
	"tocsin/internal/rule"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/run/service"
	"tocsin/internal/scheduler/datemath"
)

// TestReplaceUnderLoad replaces the rules a hundred times while runs take their time. Every slot of a rule that was always there is run,
// and run once; every run has the rules of the moment at which it begins; a rule that was away resumes where it was.
func TestReplaceUnderLoad(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { replaceUnderLoad(t, seed) }) })
	}
}

func replaceUnderLoad(t *testing.T, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test's own numbers
	var version atomic.Int64
	rules := func(away bool) []*service.Rule {
		change := func(more func(*rule.Rule)) func(*rule.Rule) {
			return func(r *rule.Rule) {
				if r.Version = int(version.Load()); more != nil {
					more(r)
				}
			}
		}
		out := []*service.Rule{newRule(t, "single", change(single)), newRule(t, "ordered", change(ordered)), newRule(t, "merged", change(nil))}
		if !away {
			out = append(out, newRule(t, "sometimes", change(single)))
		}
		return out
	}
	store := ledger.NewMemory()
	outcome := func(job pipeline.Job, _ *pipeline.Execution) {
		defer time.Sleep(time.Duration(5+len(job.Plan.Rule().ID)*7) * time.Second / 2)
		// The jobs of a round behind the schedule run here one after the other.
		if behind := int(version.Load()) - job.Plan.Rule().Version; behind > 1 && time.Since(job.Slot) < 5*time.Second {
			t.Errorf("the run of slot %s has the rules of %d replacements ago", job.Slot.Format(time.TimeOnly), behind)
		}
	}
	s := newStage(t, store, outcome, service.Options{Grace: time.Hour, Settle: func([]string) time.Duration { return time.Second }}, rules(false)...)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	begun := time.Now()
	go func() { done <- s.Run(ctx) }()
	for range 100 {
		time.Sleep(time.Duration(random.IntN(40_000)) * time.Millisecond)
		version.Add(1)
		if err := s.Replace(rules(random.IntN(2) == 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Replace(rules(false)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * time.Minute)
	ended := time.Now()
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	runs := map[string]map[time.Time]int{}
	for _, list := range [][]pipeline.Job{s.live, s.behind} {
		for _, job := range list {
			id := job.Plan.Rule().ID
			if runs[id] == nil {
				runs[id] = map[time.Time]int{}
			}
			slots := job.Covers
			if len(slots) == 0 {
				slots = []time.Time{job.Slot}
			}
			for _, slot := range slots {
				runs[id][slot.UTC()]++
			}
		}
	}
	for _, id := range []string{"single", "ordered", "merged", "sometimes"} {
		for slot := begun.UTC().Truncate(time.Minute).Add(time.Minute); slot.Before(ended.Add(-2 * time.Minute)); slot = slot.Add(time.Minute) {
			if n := runs[id][slot]; n != 1 {
				t.Errorf("slot %s of the rule %s was run %d times", slot.Format(time.TimeOnly), id, n)
			}
		}
	}
}

// TestReplaceRefuses rules with one id, and goes on with the old ones.
func TestReplaceRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, ledger.NewMemory(), nil, service.Options{}, newRule(t, "a", nil))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		time.Sleep(90 * time.Second)
		if err := s.Replace([]*service.Rule{newRule(t, "b", nil), newRule(t, "b", nil)}); err == nil {
			t.Error("two rules of one id are not refused")
		}
		time.Sleep(2 * time.Minute)
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.live) < 3 {
			t.Errorf("%d runs", len(s.live))
		}
	})
}

// TestReplaceSchedule gives a rule other intervals and look-backs while it runs. Its windows leave no time out, and no slot is run twice.
func TestReplaceSchedule(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { replaceSchedule(t, seed) }) })
	}
}

func replaceSchedule(t *testing.T, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // a test's own numbers
	intervals := []time.Duration{20 * time.Second, time.Minute, 90 * time.Second, 5 * time.Minute, 11 * time.Minute}
	made := func() []*service.Rule {
		return []*service.Rule{newRule(t, "r", func(r *rule.Rule) {
			if random.IntN(2) == 0 {
				single(r)
			}
			r.Interval = intervals[random.IntN(len(intervals))]
			if random.IntN(4) == 0 {
				r.Cron, r.Skew = "*/3 * * * *", 7*time.Second
			}
			from, err := datemath.Parse(fmt.Sprintf("now-%ds", int(max(r.Interval, 3*time.Minute).Seconds())))
			if err != nil {
				t.Fatal(err)
			}
			if r.Cron == "" {
				if from, err = datemath.Parse(fmt.Sprintf("now-%ds", int(r.Interval.Seconds()))); err != nil {
					t.Fatal(err)
				}
			}
			r.From = rule.Moment{Expr: from}
		})}
	}
	// Runs of odd seeds fail now and then, so that slots of earlier schedules are open.
	fails := func(job pipeline.Job) bool { return seed%2 == 1 && job.Attempts == 0 && job.Slot.Unix()/60%2 == 0 }
	down := func(job pipeline.Job, x *pipeline.Execution) {
		if fails(job) {
			x.Status, x.Err = pipeline.Failed, errors.New("broken")
		}
	}
	rules := made()
	s := newStage(t, ledger.NewMemory(), down, service.Options{Grace: time.Hour}, rules...)
	now := rules[0]
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	begun := time.Now()
	go func() { done <- s.Run(ctx) }()
	// want are the slots of each schedule up to its last one before the next, which begins there.
	last := now.Slots.Prev(begun)
	want := map[time.Time]bool{last: true}
	grow := func() {
		for slot := now.Slots.Next(last); !slot.After(time.Now()); slot = now.Slots.Next(slot) {
			want[slot], last = true, slot
		}
	}
	for range 12 {
		time.Sleep(time.Duration(random.IntN(900_000)) * time.Millisecond)
		grow()
		rules := made()
		if err := s.Replace(rules); err != nil {
			t.Fatal(err)
		}
		now = rules[0]
	}
	time.Sleep(40 * time.Minute)
	grow()
	ended := time.Now()
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	jobs := slices.DeleteFunc(slices.Concat(s.live, s.behind), fails)
	slices.SortFunc(jobs, func(a, b pipeline.Job) int { return a.Window.From.Compare(b.Window.From) })
	until := begun
	ran := map[time.Time]int{}
	for _, job := range jobs {
		if job.Window.From.After(until) {
			t.Errorf("no window has the time from %s to %s", until.Format(time.TimeOnly), job.Window.From.Format(time.TimeOnly))
		}
		if job.Window.To.After(until) {
			until = job.Window.To
		}
		for _, slot := range slices.Concat(job.Covers, []time.Time{job.Slot}) {
			if len(job.Covers) == 0 || !slot.Equal(job.Slot) {
				ran[slot.UTC()]++
			}
		}
		if len(job.Covers) > 0 {
			ran[job.Slot.UTC()]++
		}
	}
	if until.Before(ended.Add(-25 * time.Minute)) {
		t.Errorf("nothing was run after %s", until)
	}
	for slot, n := range ran {
		if n > 1 && seed%2 == 0 {
			t.Errorf("slot %s was run %d times", slot.Format(time.TimeOnly), n)
		}
	}
	for slot := range want {
		if ran[slot] == 0 && slot.Before(ended.Add(-12*time.Minute)) {
			t.Errorf("slot %s was not run", slot.Format(time.TimeOnly))
		}
	}
	for slot := range ran {
		if !want[slot] && slot.Before(ended.Add(-12*time.Minute)) {
			t.Errorf("slot %s was run and is of no schedule", slot.Format(time.TimeOnly))
		}
	}
}
