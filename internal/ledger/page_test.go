package ledger_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/ledger"
)

// TestAttempts: whatever attempts a slot has had, each written once or more, marked as running before or reopened after, it has the alerts
// that they have made together, and a hit that one of them has made an alert of is no duplicate.
func TestAttempts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		page := ledger.Page{RuleID: "r", Day: day}
		slot, ended := hour(3), hour(3)
		stored := func() {
			data, err := ledger.Encode(page)
			if err != nil {
				t.Fatal(err)
			}
			next := ledger.Page{RuleID: page.RuleID, Day: page.Day}
			if err := ledger.Decode(&next, data); err != nil {
				t.Fatal(err)
			}
			page = next
		}
		check := func(what string, created, duplicates int64) {
			t.Helper()
			stored()
			if e, _ := page.Find(slot); e.Created != created || e.Duplicates != duplicates {
				t.Fatalf("%s: %d created and %d duplicates, not %d and %d", what, e.Created, e.Duplicates, created, duplicates)
			}
		}
		var attempts, fence, created, others int64
		small := rapid.Int64Range(0, 5)
		open := true
		for range rapid.IntRange(1, 6).Draw(t, "attempts") {
			if !open {
				page.Reopen(ledger.Entry{Slot: slot, Status: ledger.Planned})
				attempts, others = 0, 0
				check("reopened", created, 0)
			}
			if attempts > 0 && rapid.Bool().Draw(t, "takes long") {
				page.Put(ledger.Entry{Slot: slot, Status: ledger.Running, Attempts: attempts, Fence: fence})
				check("running", created, others)
			}
			if rapid.Bool().Draw(t, "taken over") {
				fence++ // the other runner may not have seen the last attempt
			} else {
				attempts++
			}
			attempts = max(attempts, 1)
			ended = ended.Add(time.Duration(rapid.Int64Range(3600, 7200).Draw(t, "later")) * time.Second)
			fresh, found := small.Draw(t, "created"), small.Draw(t, "duplicates of others")
			open = rapid.Bool().Draw(t, "fails")
			e := ledger.Entry{Slot: slot, Status: ledger.Covered, Attempts: attempts, Fence: fence, Ended: ended, Created: fresh, Duplicates: created + found, Hits: created + fresh + found}
			if open {
				e.Status = ledger.Partial
			}
			created, others = created+fresh, found
			for range rapid.IntRange(1, 3).Draw(t, "writes") {
				page.Put(e)
				check("attempt", created, others)
			}
		}
	})
}
