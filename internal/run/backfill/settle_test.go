package backfill_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/backend/store"
	"tocsin/internal/ledger"
	"tocsin/internal/run/backfill"
)

// TestUnsettled: a slot that has not settled is run and not recorded, merged or not; once it has
// settled, the same job runs it again, and nothing else.
func TestUnsettled(t *testing.T) {
	events := openEvents(t)
	rules := map[bool][]backfill.Rule{false: load(t, false, texts[1:4]...), true: load(t, true, texts[1:4]...)}
	rapid.Check(t, func(rt *rapid.T) {
		these := rules[rapid.Bool().Draw(rt, "slot by slot")]
		// Slots lie half an hour apart, from 0 to 2.5 hours.
		settled := rapid.IntRange(0, 6).Draw(rt, "settled")
		after := begin.Add(time.Duration(settled) * 30 * time.Minute)
		a, l := store.NewMemory(), ledger.NewMemory()
		early := newRunner(events, a, l)
		early.Options.Settled = func(patterns []string, slot time.Time) bool {
			if diff := cmp.Diff([]string{"logs-*"}, patterns); diff != "" {
				rt.Error(diff)
			}
			return slot.Before(after)
		}
		job := backfill.NewJob(these, begin, hour(3), "default")
		result, err := early.Run(t.Context(), job, these)
		if err != nil {
			rt.Fatal(err)
		}
		unsettled := int64(6 - settled)
		for _, one := range result.Accounts {
			if one.Covered != int64(settled) || one.Unsettled != unsettled || one.Left() != unsettled || one.Stopped != "" {
				rt.Errorf("%d slots had settled: %+v", settled, one)
			}
		}
		if want := unsettled * int64(len(these)); result.Unsettled() != want || result.Progress.Left() != 0 {
			rt.Errorf("%d slots had not settled, want %d; %+v", result.Unsettled(), want, result.Progress)
		}
		found := contents(rt, a)
		result, err = newRunner(events, a, l).Run(t.Context(), job, these)
		if err != nil {
			rt.Fatal(err)
		}
		for _, one := range result.Accounts {
			if one.Before != int64(settled) || one.Covered != unsettled || one.Unsettled != 0 || one.Created > 0 {
				rt.Errorf("later: %+v", one)
			}
		}
		if diff := cmp.Diff(found, contents(rt, a)); diff != "" {
			rt.Error(diff)
		}
	})
}
