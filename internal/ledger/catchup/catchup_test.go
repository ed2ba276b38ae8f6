package catchup_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/ledger"
	"tocsin/internal/ledger/catchup"
	"tocsin/internal/scheduler/window"
)

var start = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

func minute(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }

// rule looks back nine minutes.
func rule(id string, mergeable, ordered bool) catchup.Rule {
	r := catchup.Rule{ID: id, Ordered: ordered, Window: func(slot time.Time) window.Window {
		return window.Window{From: slot.Add(-9 * time.Minute), To: slot}
	}}
	if mergeable {
		r.Together = func(_, _ time.Time) bool { return true }
	}
	return r
}

func owed(id string, attempts int64, minutes ...int) []ledger.Owed {
	var out []ledger.Owed
	for _, n := range minutes {
		e := ledger.Entry{Slot: minute(n), Attempts: attempts}
		if attempts > 0 {
			e.Status, e.Ended = ledger.Failed, minute(100)
		}
		out = append(out, ledger.Owed{RuleID: id, Entry: e})
	}
	return out
}

func shown(tasks []catchup.Task) []string {
	out := []string{}
	for _, t := range tasks {
		var slots []string
		for _, s := range t.Slots {
			slots = append(slots, fmt.Sprint(s.Sub(start).Minutes()))
		}
		out = append(out, fmt.Sprintf("%s %s [%g,%g)", t.RuleID, strings.Join(slots, " "), t.Window.From.Sub(start).Minutes(), t.Window.To.Sub(start).Minutes()))
	}
	return out
}

func TestPlan(t *testing.T) {
	rules := map[string]catchup.Rule{"merge": rule("merge", true, false), "single": rule("single", false, false), "order": rule("order", false, true)}
	for _, tt := range []struct {
		name string
		owed []ledger.Owed
		now  time.Time
		want []string
	}{
		{"nothing", nil, minute(200), []string{}},
		{"newest first", owed("single", 0, 5, 10, 15), minute(200), []string{"single 15 [6,15)", "single 10 [1,10)", "single 5 [-4,5)"}},
		{"a stretch in one", owed("merge", 0, 5, 10, 15), minute(200), []string{"merge 5 10 15 [-4,15)"}},
		{"a pause between", owed("merge", 0, 5, 10, 20, 25), minute(200), []string{"merge 20 25 [11,25)", "merge 5 10 [-4,10)"}},
		{"no longer than allowed", owed("merge", 0, 5, 10, 15, 20, 25, 30, 35), minute(200), []string{"merge 30 35 [21,35)", "merge 5 10 15 20 25 [-4,25)"}},
		{"oldest first where order counts", owed("order", 0, 5, 10, 15), minute(200), []string{"order 5 [-4,5)"}},
		{"after the backoff", owed("single", 1, 5), minute(101), []string{"single 5 [-4,5)"}},
		{"before it", owed("single", 3, 5), minute(101), []string{}},
		{"one that failed runs alone", append(append(owed("merge", 0, 5), owed("merge", 1, 10)...), owed("merge", 0, 15)...), minute(200), []string{
			"merge 15 [6,15)", "merge 10 [1,10)", "merge 5 [-4,5)",
		}},
		{"an unknown rule", owed("gone", 0, 5), minute(200), []string{}},
		{"the order waits for its oldest", append(owed("order", 4, 5), owed("order", 0, 10)...), minute(101), []string{}},
		{"but not for ever", append(owed("order", 5, 5), owed("order", 0, 10)...), minute(101), []string{"order 10 [1,10)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := shown(catchup.Plan(tt.owed, rules, tt.now, catchup.Options{MaxMerged: 29 * time.Minute}))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestBackoff: a slot waits as long as its failures say, and less once its rule has succeeded since, but never not at all.
func TestBackoff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := catchup.Options{Backoff: time.Duration(rapid.IntRange(1, 60).Draw(t, "backoff")) * time.Second, MaxBackoff: time.Duration(rapid.IntRange(1, 60).Draw(t, "most")) * time.Minute}
		slot := owed("r", rapid.Int64Range(1, 200).Draw(t, "attempts"), 5)
		r := rule("r", false, false)
		waited := func(succeeded time.Time) time.Duration {
			r.Succeeded = succeeded
			for d := time.Duration(0); ; d += time.Second {
				if len(catchup.Plan(slot, map[string]catchup.Rule{"r": r}, slot[0].Entry.Ended.Add(d), o)) > 0 {
					return d
				}
			}
		}
		failed := slot[0].Entry.Ended
		attempts, doubled := slot[0].Entry.Attempts, o.Backoff
		for n := int64(1); n < attempts && doubled < o.MaxBackoff; n++ {
			doubled *= 2
		}
		doubled = min(doubled, o.MaxBackoff)
		for _, before := range []time.Time{{}, failed.Add(-time.Hour), failed} {
			if got := waited(before); got != doubled {
				t.Fatalf("after %d attempts it waits %s, want %s", attempts, got, doubled)
			}
		}
		if got, want := waited(failed.Add(time.Second)), min(time.Duration(attempts)*o.Backoff, o.MaxBackoff); got != want {
			t.Fatalf("after %d attempts and a success it waits %s, want %s", attempts, got, want)
		}
	})
}

// TestPlanIsWhole: every slot that is not in backoff is in exactly one task, whose window is the
// union of the windows of its slots.
func TestPlanIsWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rule("r", rapid.Bool().Draw(t, "mergeable"), false)
		var all []ledger.Owed
		slots := map[time.Time]bool{}
		for range rapid.IntRange(0, 30).Draw(t, "slots") {
			n := rapid.IntRange(0, 300).Draw(t, "minute")
			if !slots[minute(n)] {
				slots[minute(n)] = true
				all = append(all, owed("r", rapid.Int64Range(0, 1).Draw(t, "attempts"), n)...)
			}
		}
		if r.Together != nil && rapid.Bool().Draw(t, "by the hour") {
			r.Together = func(a, b time.Time) bool { return a.Truncate(time.Hour).Equal(b.Truncate(time.Hour)) }
		}
		tasks := catchup.Plan(all, map[string]catchup.Rule{"r": r}, minute(1000), catchup.Options{MaxMerged: time.Hour})
		for _, task := range tasks {
			covered := task.Window.From
			for _, s := range task.Slots {
				if !slots[s] {
					t.Fatalf("slot %s twice, or not owed", s)
				}
				delete(slots, s)
				w := r.Window(s)
				if w.From.Before(task.Window.From) || w.To.After(task.Window.To) || w.From.After(covered) {
					t.Fatalf("the window %s does not cover that of %s", task.Window, s)
				}
				covered = w.To
			}
			for _, s := range task.Slots {
				if len(task.Slots) > 1 && !r.Together(task.Slots[0], s) {
					t.Fatalf("%s and %s are together", task.Slots[0], s)
				}
			}
			if len(task.Slots) > 1 && task.Window.To.Sub(task.Window.From) > time.Hour {
				t.Fatal("too long:", task.Window)
			}
		}
		if len(slots) > 0 {
			t.Fatal("left out:", slots)
		}
	})
}
