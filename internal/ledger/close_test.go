package ledger_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/ledger"
)

// TestGiveUp: slots that are too old are recorded as given up, over days, and are not owed again
// even when the maximum age grows.
func TestGiveUp(t *testing.T) {
	l := &ledger.Ledger{Store: ledger.NewMemory(), MaxAge: 5 * time.Hour}
	grids := []ledger.Grid{ruleA}
	if _, err := l.Begin(t.Context(), grids, hour(20)); err != nil {
		t.Fatal(err)
	}
	failed := account("a", hour(21), ledger.Failed)
	failed.Entry.Error, failed.Entry.Fence = "broken", 7
	if _, err := l.Record(t.Context(), []ledger.Account{failed, account("a", hour(22), ledger.Covered)}); err != nil {
		t.Fatal(err)
	}
	n, err := l.GiveUp(t.Context(), grids, hour(30), time.Time{}, 3)
	if err != nil || n != 4 {
		t.Errorf("gave up %d slots, %v; want 20, 21, 23, 24", n, err)
	}
	pages, err := l.Store.Pages(t.Context(), []string{"a"}, hour(0), hour(30))
	if err != nil || len(pages) != 2 {
		t.Fatal(pages, err)
	}
	got := map[int]string{}
	for _, p := range pages {
		for _, e := range p.Entries {
			got[int(e.Slot.Sub(day).Hours())] = e.Status.String() + " " + e.Error
		}
	}
	if diff := cmp.Diff(map[int]string{
		20: "given_up older than 5h0m0s", 21: "given_up broken", 22: "covered ", 23: "given_up older than 5h0m0s", 24: "given_up older than 5h0m0s",
	}, got); diff != "" {
		t.Error(diff)
	}
	l.MaxAge = 100 * time.Hour
	owed, err := l.Owed(t.Context(), grids, hour(26))
	if diff := cmp.Diff([]string{"a@25 planned", "a@26 planned"}, slotsOf(owed)); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if n, err := l.Waive(t.Context(), owed, 8, "not needed"); n != 2 || err != nil {
		t.Error(n, err)
	}
	if owed, err = l.Owed(t.Context(), grids, hour(26)); len(owed) > 0 || err != nil {
		t.Error("after the waiver:", slotsOf(owed), err)
	}
}

// overtaken is a store in which another runner covers slots while their page is being read.
type overtaken struct {
	ledger.Store
	cover func()
}

func (o *overtaken) Pages(ctx context.Context, ids []string, from, to time.Time) ([]ledger.Page, error) {
	pages, err := o.Store.Pages(ctx, ids, from, to)
	if cover := o.cover; cover != nil {
		o.cover = nil
		cover()
	}
	return pages, err
}

// TestGiveUpOfCovered: slots that another runner covers meanwhile, whatever its fencing number, stay covered
// and are not counted as given up, nor as waived.
func TestGiveUpOfCovered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		memory := ledger.NewMemory()
		l := &ledger.Ledger{Store: memory, MaxAge: 5 * time.Hour}
		grids := []ledger.Grid{ruleA}
		if _, err := l.Begin(t.Context(), grids, hour(20)); err != nil {
			t.Fatal(err)
		}
		covered := map[int]bool{}
		var accounts []ledger.Account
		for n := 20; n < 24; n++ {
			if covered[n] = rapid.Bool().Draw(t, "covered"); covered[n] {
				a := account("a", hour(n), ledger.Covered)
				a.Entry.Fence = rapid.Int64Range(0, 5).Draw(t, "fence")
				accounts = append(accounts, a)
			}
		}
		owed, err := l.Owed(t.Context(), grids, hour(23))
		if err != nil || len(owed) != 4 {
			t.Fatal(slotsOf(owed), err)
		}
		cover := func() {
			other := &ledger.Ledger{Store: memory}
			if refused, err := other.Record(t.Context(), accounts); err != nil || len(refused) > 0 {
				t.Fatal(refused, err)
			}
		}
		n := 0
		if rapid.Bool().Draw(t, "waived") {
			cover()
			n, err = l.Waive(t.Context(), owed, 3, "not needed")
		} else {
			l.Store = &overtaken{memory, cover}
			n, err = l.GiveUp(t.Context(), grids, hour(28).Add(time.Minute), time.Time{}, 3)
		}
		if want := 4 - len(accounts); err != nil || n != want {
			t.Fatalf("%d given up, %v; want %d", n, err, want)
		}
		pages, err := memory.Pages(t.Context(), []string{"a"}, hour(0), hour(30))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pages {
			for _, e := range p.Entries {
				if slot := int(e.Slot.Sub(day).Hours()); (e.Status == ledger.Covered) != covered[slot] {
					t.Fatalf("slot %d is %s", slot, e.Status)
				}
			}
		}
	})
}

// TestGiveUpKeeps: slots before the ledger's retention are skipped.
func TestGiveUpKeeps(t *testing.T) {
	l := &ledger.Ledger{Store: ledger.NewMemory(), MaxAge: 5 * time.Hour}
	if _, err := l.Begin(t.Context(), []ledger.Grid{ruleA}, hour(20)); err != nil {
		t.Fatal(err)
	}
	if n, err := l.GiveUp(t.Context(), []ledger.Grid{ruleA}, hour(1000), hour(990), 0); n != 5 || err != nil {
		t.Errorf("gave up %d, %v; want those of the last hours that are kept", n, err)
	}
}

func TestSurvey(t *testing.T) {
	b := ruleA
	b.RuleID, b.OldestFirst = "b", true
	grids := []ledger.Grid{ruleA, b}
	l := &ledger.Ledger{Store: ledger.NewMemory(), Limit: 2}
	if _, err := l.Begin(t.Context(), grids, hour(1)); err != nil {
		t.Fatal(err)
	}
	var accounts []ledger.Account
	for _, id := range []string{"a", "b"} {
		accounts = append(accounts, account(id, hour(1), ledger.Covered), account(id, hour(2), ledger.GivenUp), account(id, hour(5), ledger.Covered))
	}
	if _, err := l.Record(t.Context(), accounts); err != nil {
		t.Fatal(err)
	}
	surveys, err := l.Survey(t.Context(), grids, hour(8))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]string{{"a@7 planned", "a@8 planned"}, {"b@3 planned", "b@4 planned"}} {
		s := surveys[i]
		if diff := cmp.Diff(want, slotsOf(s.Owed)); diff != "" {
			t.Error(diff)
		}
		if s.Open != 5 || !s.Closed.Equal(hour(2)) || !s.Covered.Equal(hour(5)) {
			t.Errorf("%s: %d open, closed up to %s, covered %s", s.RuleID, s.Open, s.Closed, s.Covered)
		}
	}
	// Close only saves reads, never goes back, and does not change what is owed.
	for _, to := range []int{2, 1} {
		if err := l.Close(t.Context(), map[string]ledger.Closing{"a": {To: hour(to)}}); err != nil {
			t.Fatal(err)
		}
	}
	heads, err := l.Store.Heads(t.Context(), []string{"a"})
	if err != nil || !heads[0].Closed.Equal(hour(2)) {
		t.Error(heads, err)
	}
	if surveys, err = l.Survey(t.Context(), grids, hour(8)); err != nil || surveys[0].Open != 5 {
		t.Error(surveys, err)
	}
}
