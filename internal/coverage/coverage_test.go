package coverage_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/coverage"
	"tocsin/internal/ledger"
	"tocsin/internal/scheduler"
)

var day = time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)

func at(hour int) time.Time { return day.Add(time.Duration(hour) * time.Hour) }

func TestRead(t *testing.T) {
	store := ledger.NewMemory()
	l := &ledger.Ledger{Store: store}
	grid := ledger.Grid{RuleID: "a", Slots: scheduler.Interval(time.Hour, 0)}
	if _, err := l.Begin(t.Context(), []ledger.Grid{grid}, at(2)); err != nil {
		t.Fatal(err)
	}
	var accounts []ledger.Account
	for hour, status := range map[int]ledger.Status{
		1: ledger.Covered, 3: ledger.Covered, 5: ledger.Failed, 6: ledger.Failed, 7: ledger.Covered, 8: ledger.Failed, 9: ledger.Queued,
		10: ledger.GivenUp, 25: ledger.Covered,
	} {
		e := ledger.Entry{Slot: at(hour), Status: status, Attempts: int64(hour), Ended: at(hour).Add(time.Duration(hour) * time.Second)}
		if status == ledger.Failed {
			e.Error = "broken"
		}
		accounts = append(accounts, ledger.Account{RuleID: "a", Entry: e})
	}
	if _, err := l.Record(t.Context(), accounts); err != nil {
		t.Fatal(err)
	}
	rows, err := coverage.Read(t.Context(), store, []coverage.Rule{{ID: "a", Name: "A", Slots: grid.Slots}, {ID: "new", Slots: grid.Slots}}, coverage.Options{
		From: at(0), To: at(27), Now: at(27).Add(time.Minute), Settle: 2 * time.Minute, Buckets: 27,
	})
	if err != nil {
		t.Fatal(err)
	}
	row := rows[0]
	// From 2 on slots are owed; 1 was run by somebody; 27 is under way.
	if want := (coverage.Counts{Covered: 4, Planned: 17, Failed: 3, Queued: 1, GivenUp: 1}); row.Counts != want {
		t.Errorf("%+v, want %+v", row.Counts, want)
	}
	if !row.OldestOpen.Equal(at(2)) || !row.LastCovered.Equal(at(25)) || row.LastError != "broken" || row.Lateness != 7*time.Second {
		t.Errorf("%+v", row)
	}
	var marks strings.Builder
	for _, b := range row.Buckets {
		marks.WriteRune(b.Mark())
	}
	if want := " █·█·××█×+-··············█·"; marks.String() != want {
		t.Errorf("heat map\n%s, want\n%s", marks.String(), want)
	}
	got := []string{}
	for _, g := range coverage.Gaps(rows) {
		got = append(got, fmt.Sprintf("%g-%g %d %s %d", g.From.Sub(day).Hours(), g.To.Sub(day).Hours(), g.Slots, g.Status, g.Attempts))
	}
	if diff := cmp.Diff([]string{
		"2-2 1 planned 0", "4-4 1 planned 0", "5-6 2 failed 6", "8-8 1 failed 8", "9-9 1 queued 9", "11-24 14 planned 0", "26-26 1 planned 0",
	}, got); diff != "" {
		t.Error(diff)
	}
	if rows[1].Slots() != 0 {
		t.Errorf("a rule that nobody has begun: %+v", rows[1])
	}
}
