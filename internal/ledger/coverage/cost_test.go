package coverage_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/ledger"
	"tocsin/internal/ledger/coverage"
	"tocsin/internal/scheduler"
)

func TestCosts(t *testing.T) {
	store := ledger.NewMemory()
	l := &ledger.Ledger{Store: store}
	hourly := scheduler.Interval(time.Hour, 0)
	entry := func(hour int, s ledger.Status, took time.Duration, created int64) ledger.Account {
		return ledger.Account{RuleID: "a", Entry: ledger.Entry{Slot: at(hour), Status: s, Took: took, Created: created, Read: 100, Suppressed: 1, Queued: 2, Ended: at(hour)}}
	}
	if _, err := l.Record(t.Context(), []ledger.Account{
		entry(0, ledger.Covered, time.Hour, 1000), // before the range
		entry(1, ledger.Covered, time.Second, 10), entry(2, ledger.Failed, 3*time.Second, 0), entry(30, ledger.Covered, 2*time.Second, 20), entry(31, ledger.GivenUp, 0, 0),
		entry(49, ledger.Covered, time.Hour, 1000), // after it
	}); err != nil {
		t.Fatal(err)
	}
	got, err := coverage.Costs(t.Context(), store, []coverage.Rule{{ID: "a", Name: "A", Slots: hourly}, {ID: "none", Slots: hourly}}, coverage.Options{From: at(1), To: at(49).Add(-1)})
	if err != nil {
		t.Fatal(err)
	}
	last := at(30)
	want := []coverage.Cost{
		{
			RuleID: "a", Name: "A", Runs: 3, Failed: 1, Took: 6 * time.Second, Mean: 2 * time.Second, Longest: 3 * time.Second, Read: 300, Alerts: 30, Suppressed: 3, Queued: 6,
			AlertsADay: 15, LastSuccess: &last, Interval: time.Hour,
		},
		{RuleID: "none", Interval: time.Hour},
	}
	near := cmp.Comparer(func(a, b float64) bool { return a-b < 0.001 && b-a < 0.001 })
	if d := cmp.Diff(want, got, near); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
