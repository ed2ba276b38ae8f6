package backfill_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/store"
	"tocsin/internal/ledger"
	"tocsin/internal/run/backfill"
	"tocsin/internal/search"
)

// TestUnsettled: a slot that has not settled is run and not recorded, merged or not; once it has
// settled, the same job runs it again, and nothing else.
func TestUnsettled(t *testing.T) {
	events := openEvents(t)
	rules := map[bool][]backfill.Rule{false: load(t, false, texts[1:4]...), true: load(t, true, texts[1:4]...)}
	// Slots lie half an hour apart, from 0 to 2.5 hours.
	for settled := range 7 {
		unsettled(t, events, rules[false], settled)
		unsettled(t, events, rules[true], settled)
	}
}

// unsettled runs a job of which so many slots have settled, and again when all have.
func unsettled(t *testing.T, events search.Events, these []backfill.Rule, settled int) {
	t.Helper()
	after := begin.Add(time.Duration(settled) * 30 * time.Minute)
	a, l := store.NewMemory(), ledger.NewMemory()
	early := newRunner(events, a, l)
	early.Options.Settled = func(patterns []string, slot time.Time) bool {
		if diff := cmp.Diff([]string{"logs-*"}, patterns); diff != "" {
			t.Error(diff)
		}
		return slot.Before(after)
	}
	job := backfill.NewJob(these, begin, hour(3), "default", nil)
	result, err := early.Run(t.Context(), job, these)
	if err != nil {
		t.Fatal(err)
	}
	unsettled := int64(6 - settled)
	for _, one := range result.Accounts {
		if one.Covered != int64(settled) || one.Unsettled != unsettled || one.Left() != unsettled || one.Stopped != "" {
			t.Errorf("%d slots had settled: %+v", settled, one)
		}
	}
	if want := unsettled * int64(len(these)); result.Unsettled() != want || result.Progress.Left() != 0 {
		t.Errorf("%d slots had not settled, want %d; %+v", result.Unsettled(), want, result.Progress)
	}
	found := contents(t, a)
	result, err = newRunner(events, a, l).Run(t.Context(), job, these)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range result.Accounts {
		if one.Before != int64(settled) || one.Covered != unsettled || one.Unsettled != 0 || one.Created > 0 {
			t.Errorf("later: %+v", one)
		}
	}
	if diff := cmp.Diff(found, contents(t, a)); diff != "" {
		t.Error(diff)
	}
}
