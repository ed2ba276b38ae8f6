package ledger_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/ledger"
)

// A run has ended between Ended and EndedBy of its entry, also after the entry was stored.
func TestEndedBy(t *testing.T) {
	day := time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		slot := day.Add(time.Duration(rapid.IntRange(0, 86_399).Draw(t, "slot")) * time.Second)
		ended := slot.Add(time.Duration(rapid.Int64Range(0, int64(500*24*time.Hour)).Draw(t, "late")))
		p := ledger.Page{RuleID: "r", Day: day, Entries: []ledger.Entry{{Slot: slot, Status: ledger.Covered, Ended: ended}}}
		data, err := ledger.Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		got := ledger.Page{RuleID: "r", Day: day}
		if err := ledger.Decode(&got, data); err != nil {
			t.Fatal(err)
		}
		for _, e := range []ledger.Entry{p.Entries[0], got.Entries[0]} {
			if e.Ended.After(ended) || e.EndedBy().Before(ended) {
				t.Fatalf("a run of slot %s that ended at %s: between %s and %s", slot, ended, e.Ended, e.EndedBy())
			}
		}
	})
	if e := (ledger.Entry{Slot: day}); !e.EndedBy().IsZero() {
		t.Errorf("a run that has not ended: %s", e.EndedBy())
	}
}
