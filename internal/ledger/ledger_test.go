package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/ledger"
	"tocsin/internal/scheduler"
)

var ruleA = ledger.Grid{RuleID: "a", Slots: scheduler.Interval(time.Hour, 0), Schedule: "1h"}

// slotsOf formats slots as hours since the day began, with their status.
func slotsOf(owed []ledger.Owed) []string {
	out := []string{}
	for _, o := range owed {
		out = append(out, fmt.Sprintf("%s@%g %s", o.RuleID, o.Entry.Slot.Sub(day).Hours(), o.Entry.Status))
	}
	return out
}

func hour(n int) time.Time { return day.Add(time.Duration(n) * time.Hour) }

func account(id string, slot time.Time, status ledger.Status) ledger.Account {
	return ledger.Account{RuleID: id, Entry: ledger.Entry{Slot: slot, Status: status}}
}

func TestOwed(t *testing.T) {
	l := &ledger.Ledger{Store: ledger.NewMemory(), MaxAge: 100 * time.Hour}
	ask := func(now time.Time, want ...string) {
		t.Helper()
		owed, err := l.Owed(t.Context(), []ledger.Grid{ruleA}, now)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = []string{}
		}
		if diff := cmp.Diff(want, slotsOf(owed)); diff != "" {
			t.Errorf("owed at %s:\n%s", now, diff)
		}
	}
	record := func(accounts ...ledger.Account) {
		t.Helper()
		if refused, err := l.Record(t.Context(), accounts); err != nil || len(refused) > 0 {
			t.Fatal(refused, err)
		}
	}
	ask(hour(22).Add(10*time.Minute), "a@22 planned") // the current slot, none before the rule was first seen
	record(account("a", hour(22), ledger.Covered))
	ask(hour(22).Add(20 * time.Minute))
	ask(hour(25), "a@23 planned", "a@24 planned", "a@25 planned") // downtime, over midnight
	record(account("a", hour(23), ledger.Failed), account("a", hour(24), ledger.Covered), account("a", hour(25), ledger.Queued))
	ask(hour(25), "a@23 failed", "a@25 queued")
	record(account("a", hour(23), ledger.GivenUp), account("a", hour(25), ledger.Covered))
	ask(hour(25))
	l.MaxAge = 3 * time.Hour
	ask(hour(40), "a@37 planned", "a@38 planned", "a@39 planned", "a@40 planned")
}

func TestRecordRefusesTheReplaced(t *testing.T) {
	l := &ledger.Ledger{Store: ledger.NewMemory()}
	mine, his := account("a", hour(1), ledger.Running), account("a", hour(1), ledger.Covered)
	mine.Entry.Fence, his.Entry.Fence = 2, 1
	if _, err := l.Record(t.Context(), []ledger.Account{mine}); err != nil {
		t.Fatal(err)
	}
	refused, err := l.Record(t.Context(), []ledger.Account{his, account("b", hour(1), ledger.Covered)})
	if err != nil || len(refused) != 1 || refused[0] != his {
		t.Error(refused, err)
	}
}

// TestRecordTogether: runners that record slots of the same day concurrently lose nothing.
func TestRecordTogether(t *testing.T) {
	store := ledger.NewMemory()
	begun := hour(0)
	l := &ledger.Ledger{Store: store}
	if _, err := l.Begin(t.Context(), []ledger.Grid{ruleA}, begun); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	for runner := range 3 {
		running.Go(func() {
			l := &ledger.Ledger{Store: store}
			for i := runner; i < 24; i += 3 {
				if _, err := l.Record(t.Context(), []ledger.Account{account("a", hour(i), ledger.Covered)}); err != nil && !errors.Is(err, ledger.ErrChanged) {
					t.Error(err)
				} else if err != nil {
					i -= 3 // too many conflicts: retry
				}
			}
		})
	}
	running.Wait()
	owed, err := l.Owed(t.Context(), []ledger.Grid{ruleA}, hour(23))
	if err != nil || len(owed) > 0 {
		t.Error(slotsOf(owed), err)
	}
}

// broken is a store that does not answer.
type broken struct{ ledger.Store }

var errDown = errors.New("down")

func (broken) Pages(context.Context, []string, time.Time, time.Time) ([]ledger.Page, error) {
	return nil, errDown
}

func TestStoreDown(t *testing.T) {
	l := &ledger.Ledger{Store: broken{ledger.NewMemory()}}
	if _, err := l.Owed(t.Context(), []ledger.Grid{ruleA}, hour(1)); !errors.Is(err, errDown) {
		t.Error(err)
	}
	if _, err := l.Record(t.Context(), []ledger.Account{account("a", hour(1), ledger.Covered)}); !errors.Is(err, errDown) {
		t.Error(err)
	}
}

// noting is a store in which the patterns of rules are noted just before heads are written, a few times.
type noting struct {
	ledger.Store
	left int
}

func (n *noting) SaveHeads(ctx context.Context, heads []*ledger.Head) ([]error, error) {
	if n.left > 0 {
		n.left--
		patterns := map[string][]ledger.Pattern{}
		for _, h := range heads {
			patterns[h.RuleID] = []ledger.Pattern{{Name: "logs-*", Met: n.left%2 == 0}}
		}
		if err := (&ledger.Ledger{Store: n.Store}).Note(ctx, patterns, nil); err != nil {
			return nil, err
		}
	}
	return n.Store.SaveHeads(ctx, heads)
}

// TestBeginBesideOthers: a rule whose head is written by others at the same time still gets its first slot.
func TestBeginBesideOthers(t *testing.T) {
	for _, times := range []int{0, 1, 3} {
		other := ruleA
		other.RuleID = "b"
		grids := []ledger.Grid{ruleA, other}
		l := &ledger.Ledger{Store: &noting{ledger.NewMemory(), times}}
		heads, err := l.Begin(t.Context(), grids, time.Date(2026, 1, 15, 12, 0, 30, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range grids {
			if h := heads[g.RuleID]; h.Since.IsZero() || times > 0 && len(h.Patterns) != 1 {
				t.Errorf("%d times: %+v", times, h)
			}
		}
	}
}
