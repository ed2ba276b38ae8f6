package coverage_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/ledger"
	"tocsin/internal/ledger/coverage"
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
	// Slots are owed from 2 on; 1 was run by hand; 27 is running.
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
	// A rule that waits longer has slots 26 and 27 to run yet.
	waiting, err := coverage.Read(t.Context(), store, []coverage.Rule{{ID: "a", Slots: grid.Slots, Wait: 59*time.Minute + time.Second}}, coverage.Options{
		From: at(0), To: at(27), Now: at(27).Add(time.Minute), Settle: 2 * time.Minute,
	})
	if err != nil || waiting[0].Planned != row.Planned-1 {
		t.Errorf("%+v, %v", waiting, err)
	}
	if rows[1].Slots() != 0 {
		t.Errorf("a rule that nobody has begun: %+v", rows[1])
	}
}

// TestUnknown: rules without records are reported, individually if the ledger has begun, but not
// rules that a runner has registered or run.
func TestUnknown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store := ledger.NewMemory()
		l := &ledger.Ledger{Store: store}
		hourly := scheduler.Interval(time.Hour, 0)
		var rules []coverage.Rule
		var want []string
		others := rapid.Bool().Draw(t, "others")
		if others {
			if _, err := l.Begin(t.Context(), []ledger.Grid{{RuleID: "of somebody else", Slots: hourly}}, at(2)); err != nil {
				t.Fatal(err)
			}
		}
		n := rapid.IntRange(1, 30).Draw(t, "rules")
		known := 0
		for i := range n {
			id := fmt.Sprintf("r%02d", i)
			rules = append(rules, coverage.Rule{ID: id, Name: id, Slots: hourly})
			var err error
			switch rapid.SampledFrom([]string{"nothing", "begun", "recorded"}).Draw(t, "state") {
			case "nothing":
				want = append(want, coverage.NeverRun+" "+id)
			case "begun":
				_, err = l.Begin(t.Context(), []ledger.Grid{{RuleID: id, Slots: hourly}}, at(2))
				known++
			case "recorded":
				status := rapid.SampledFrom([]ledger.Status{ledger.Covered, ledger.Failed, ledger.GivenUp}).Draw(t, "status")
				_, err = l.Record(t.Context(), []ledger.Account{{RuleID: id, Entry: ledger.Entry{Slot: at(3), Status: status, Ended: at(3)}}})
				known++
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if known == 0 && !others {
			want = []string{coverage.NoLedger + " "}
		}
		o := coverage.Options{From: at(0), To: at(5), Now: at(6)}
		rows, err := coverage.Read(t.Context(), store, rules, o)
		if err != nil {
			t.Fatal(err)
		}
		begun, err := coverage.Begun(t.Context(), store, rows)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, g := range coverage.Unknown(rows, begun, o) {
			got = append(got, g.Status+" "+g.RuleID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}
