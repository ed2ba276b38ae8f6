package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/ledger"
	"tocsin/internal/scheduler"
)

// TestSlotsOf: the slots are those of each schedule until its end, in order; Prev is the last one that Next has passed.
func TestSlotsOf(t *testing.T) {
	parse := func(text string) (ledger.Slots, error) {
		every, err := time.ParseDuration(text)
		if err != nil {
			return nil, fmt.Errorf("schedule: %w", err)
		}
		return scheduler.Interval(every, 0), nil
	}
	rapid.Check(t, func(t *rapid.T) {
		begin := time.Unix(1_700_000_000, 0).UTC()
		interval := rapid.IntRange(1, 40)
		var past []ledger.Past
		until := begin
		want := map[time.Time]bool{}
		fill := func(slots ledger.Slots, to time.Time) {
			for slot := slots.Next(until); !slot.After(to); slot = slots.Next(slot) {
				want[slot] = true
			}
			until = to
		}
		for range rapid.IntRange(0, 4).Draw(t, "schedules") {
			every := time.Duration(interval.Draw(t, "interval")) * time.Second
			end := until.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "length")) * time.Second)
			past = append(past, ledger.Past{Schedule: every.String(), Until: end})
			fill(scheduler.Interval(every, 0), end)
		}
		now := scheduler.Interval(time.Duration(interval.Draw(t, "interval"))*time.Second, 0)
		last := until.Add(2 * time.Minute)
		fill(now, last)
		slots := ledger.SlotsOf(now, past, parse)
		before := time.Time{}
		n := 0
		for slot := slots.Next(begin); !slot.After(last); slot = slots.Next(slot) {
			n++
			if !want[slot] {
				t.Fatalf("%v: %s is no slot", past, slot)
			}
			if got := slots.Prev(slot); !got.Equal(slot) {
				t.Fatalf("%v: the slot until %s is %s", past, slot, got)
			}
			if got := slots.Prev(slot.Add(-1)); !before.IsZero() && !got.Equal(before) {
				t.Fatalf("%v: the slot before %s is %s, want %s", past, slot, got, before)
			}
			before = slot
		}
		if n != len(want) {
			t.Fatalf("%v: %d slots, want %d", past, n, len(want))
		}
	})
}

// TestGiveUpRemoved gives up the old slots of a rule that nobody runs, and leaves others.
func TestGiveUpRemoved(t *testing.T) {
	l := &ledger.Ledger{Store: ledger.NewMemory(), MaxAge: time.Hour, Parse: func(text string) (ledger.Slots, error) {
		every, err := time.ParseDuration(text)
		return scheduler.Interval(every, 0), err
	}}
	begun := time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)
	every := scheduler.Interval(10*time.Minute, 0)
	grids := []ledger.Grid{{RuleID: "here", Slots: every, Schedule: "10m"}, {RuleID: "gone", Slots: every, Schedule: "10m"}, {RuleID: ledger.BackfillPrefix + "x", Slots: every, Schedule: "10m"}}
	if _, err := l.Begin(t.Context(), grids, begun); err != nil {
		t.Fatal(err)
	}
	now := begun.Add(3 * time.Hour)
	n, err := l.GiveUpRemoved(t.Context(), func(id string) bool { return id == "here" }, now, time.Time{}, 7)
	if err != nil || n != 12 {
		t.Fatalf("%d slots, %v, want those of two hours", n, err)
	}
	pages, err := l.Store.Pages(t.Context(), []string{"gone"}, begun, now)
	if err != nil || len(pages) != 1 {
		t.Fatal(pages, err)
	}
	if e, _ := pages[0].Find(begun.Add(time.Hour)); e.Status != ledger.GivenUp || e.Error != "the rule was removed" {
		t.Errorf("%+v", e)
	}
	if n, err := l.GiveUpRemoved(t.Context(), func(id string) bool { return id == "here" }, now, time.Time{}, 7); err != nil || n != 0 {
		t.Errorf("again: %d, %v", n, err)
	}
	owed, err := l.Owed(t.Context(), grids[1:2], now)
	if err != nil || len(owed) != 7 {
		t.Errorf("a rule that comes back owes %d slots, %v", len(owed), err)
	}
}
