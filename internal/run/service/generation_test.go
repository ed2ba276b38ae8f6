package service_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/internal/ledger"
	"tocsin/internal/rule"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/run/service"
)

// TestReplaceUnderLoad replaces the rules a hundred times while runs take their time. Every slot of a rule that was always there is run,
// and run once; every run has the rules of the moment at which it begins; a rule that was away resumes where it was.
func TestReplaceUnderLoad(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { replaceUnderLoad(t, seed) }) })
	}
}

func replaceUnderLoad(t *testing.T, seed uint64) {
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

