package service_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/ledger"
	"tocsin/internal/rule"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/run/service"
)

// TestSettle: live slots and caught-up slots wait in the same way, even longer than the rule's
// interval, and a slot is not left to the catch-up because of a later slot that is still waiting.
func TestSettle(t *testing.T) {
	for _, settle := range []time.Duration{0, 2 * time.Second, time.Minute, 90 * time.Second} {
		for name, change := range map[string]func(*rule.Rule){"merged": nil, "single": single, "ordered": ordered} {
			t.Run(fmt.Sprintf("%s %s", settle, name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					store, r := ledger.NewMemory(), newRule(t, "r", change)
					origin := begin(t, store, r)
					time.Sleep(3*time.Minute + time.Second)
					s := newStage(t, store, func(job pipeline.Job, _ *pipeline.Execution) {
						for _, slot := range append(job.Covers, job.Slot) {
							if early := time.Until(slot.Add(settle)); early > 0 {
								t.Errorf("slot %s was run %s too early", slot.Sub(origin), early)
							}
						}
					}, service.Options{Settle: func([]string) time.Duration { return settle }}, r)
					s.play(t, 6*time.Minute+settle+time.Second)
					if left := open(t, store, origin, r); len(left) != int(settle/time.Minute) {
						t.Error("open:", left) // slots that have come since
					}
					if diff := cmp.Diff([]float64{4, 5, 6, 7, 8, 9}, slotsOf(s.live, origin)); diff != "" {
						t.Error("live:", diff)
					}
				})
			})
		}
	}
}

// TestSettleChanges: no slot is run before it has settled under the current wait, and each is run
// once, while the wait changes.
func TestSettleChanges(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		settle := time.Duration(rapid.IntRange(0, 60_000).Draw(rt, "settle")) * time.Millisecond
		other := time.Duration(rapid.IntRange(0, 60_000).Draw(rt, "then")) * time.Millisecond
		change := time.Duration(rapid.IntRange(0, 240_000).Draw(rt, "changes after")) * time.Millisecond
		begins := time.Duration(rapid.IntRange(0, 120_000).Draw(rt, "begins after")) * time.Millisecond
		synctest.Test(t, func(t *testing.T) {
			store, r := ledger.NewMemory(), newRule(t, "r", nil)
			origin := begin(t, store, r)
			time.Sleep(begins)
			wait := func() time.Duration {
				if time.Since(origin) >= change {
					return other
				}
				return settle
			}
			ran := map[time.Time]int{}
			s := newStage(t, store, func(job pipeline.Job, _ *pipeline.Execution) {
				slots := job.Covers
				if len(slots) == 0 {
					slots = []time.Time{job.Slot}
				}
				for _, slot := range slots {
					ran[slot]++
					if early := time.Until(slot.Add(wait())); early > 0 {
						t.Errorf("settle %s, then %s after %s, begun after %s: slot %s was run %s too early", settle, other, change, begins, slot.Sub(origin), early)
					}
				}
			}, service.Options{Settle: func([]string) time.Duration { return wait() }}, r)
			// Every time above is in whole milliseconds: no run may begin at the instant when the
			// service, which has no grace period, ends.
			s.play(t, 5*time.Minute+500*time.Microsecond)
			due := time.Now().Add(-2 * time.Minute)
			for slot := r.Slots.Prev(origin); !slot.After(due); slot = r.Slots.Next(slot) {
				if ran[slot] != 1 {
					t.Errorf("settle %s, then %s after %s, begun after %s: slot %s was run %d times", settle, other, change, begins, slot.Sub(origin), ran[slot])
				}
			}
		})
	})
}
