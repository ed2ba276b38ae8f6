// Package catchup orders the slots that a ledger says are owed: which run first, and which can
// share a run.
//
// It runs nothing and reads no clock: [Plan] is a function of the owed slots and the time. The
// order: recent slots come before old ones, so that today's alerts do not wait for last week's. A
// rule whose alerts depend on earlier alerts (its [Rule] is Ordered) runs its slots oldest first. A
// slot that failed waits for its backoff. Consecutive slots of a rule that allows it become one run
// over their common window.
package catchup

import (
	"cmp"
	"slices"
	"time"

	"tocsin/internal/ledger"
	"tocsin/internal/scheduler/window"
)

// Rule is what catching up needs to know of a rule.
type Rule struct {
	ID string
	// Window returns the window that the run of a slot reads.
	Window func(slot time.Time) window.Window
	// Together reports whether one run over the windows of two slots, and of the slots between
	// them, finds the same as separate runs; nil: no two slots are run together.
	Together func(a, b time.Time) bool
	// Ordered: the alerts of a slot depend on the alerts of earlier slots.
	Ordered bool
	// Succeeded is when a run of the rule last succeeded, zero if that is not known: what slots failed for before may be over.
	Succeeded time.Time
}

// Task is one run of one or several slots.
type Task struct {
	RuleID string
	// Slots lists the slots that the run covers, oldest first. The last one identifies the task.
	Slots  []time.Time
	Window window.Window
	// Attempts is the largest number of attempts of any of the slots.
	Attempts int64
	// Drains: the slot was read as a whole, and hits beyond the limit are left.
	Drains bool
}

// Slot returns the last slot, which identifies the task.
func (t Task) Slot() time.Time { return t.Slots[len(t.Slots)-1] }

// Options bound a plan. The zero value is usable.
type Options struct {
	// MaxMerged is the longest window of merged slots; 0 means [DefaultMaxMerged].
	MaxMerged time.Duration
	// Backoff is the wait after the first failure, doubled by each further one up to MaxBackoff; 0
	// means [DefaultBackoff] and [DefaultMaxBackoff]. Once the rule has succeeded since the last failure of
	// a slot, each failure counts Backoff once only.
	Backoff, MaxBackoff time.Duration
	// Patience is how often the oldest slot of an ordered rule is tried before it no longer delays
	// later ones; 0 means [DefaultPatience].
	Patience int64
}

// The defaults.
const (
	DefaultMaxMerged  = 6 * time.Hour
	DefaultBackoff    = 30 * time.Second
	DefaultMaxBackoff = 30 * time.Minute
	DefaultPatience   = 5
)

// Plan makes tasks of the owed slots, in the order in which they are to be run. It leaves out slots
// of rules that are not given and slots in backoff.
func Plan(owed []ledger.Owed, rules map[string]Rule, now time.Time, o Options) []Task {
	byRule := map[string][]ledger.Owed{}
	for _, one := range owed {
		byRule[one.RuleID] = append(byRule[one.RuleID], one)
	}
	var tasks []Task
	for id, slots := range byRule {
		rule, known := rules[id]
		if !known {
			continue
		}
		slices.SortFunc(slots, func(a, b ledger.Owed) int { return a.Entry.Slot.Compare(b.Entry.Slot) })
		tasks = append(tasks, planRule(rule, slots, now, o)...)
	}
	slices.SortStableFunc(tasks, func(a, b Task) int {
		return cmp.Or(b.Slot().Compare(a.Slot()), cmp.Compare(a.RuleID, b.RuleID))
	})
	return tasks
}

// planRule plans the slots of one rule, oldest first. Of an ordered rule only the oldest slot is
// due, as the next one depends on its alerts. After Patience failures the next one runs anyway:
// waiting longer would only lose more.
func planRule(rule Rule, owed []ledger.Owed, now time.Time, o Options) []Task {
	if rule.Ordered {
		for i := range owed {
			if !waits(rule, owed[i].Entry, now, o) {
				return []Task{task(rule, owed[i:i+1])}
			}
			if owed[i].Entry.Attempts < cmp.Or(o.Patience, DefaultPatience) {
				return nil
			}
		}
		return nil
	}
	var tasks []Task
	for len(owed) > 0 {
		if waits(rule, owed[0].Entry, now, o) {
			owed = owed[1:]
			continue
		}
		n := stretch(rule, owed, now, o)
		tasks = append(tasks, task(rule, owed[:n]))
		owed = owed[n:]
	}
	return tasks
}

// stretch returns how many of the slots, from the first, one run can cover. A slot that has failed
// before runs alone: it may be the cause.
func stretch(rule Rule, owed []ledger.Owed, now time.Time, o Options) int {
	if rule.Together == nil || owed[0].Entry.Attempts > 0 {
		return 1
	}
	first := rule.Window(owed[0].Entry.Slot)
	end := first.To
	n := 1
	for n < len(owed) {
		e := owed[n].Entry
		w := rule.Window(e.Slot)
		switch {
		case e.Attempts > 0, waits(rule, e, now, o), w.From.After(end), w.To.Sub(first.From) > cmp.Or(o.MaxMerged, DefaultMaxMerged),
			!rule.Together(owed[0].Entry.Slot, e.Slot):
			return n
		}
		end = w.To
		n++
	}
	return n
}

func task(rule Rule, owed []ledger.Owed) Task {
	t := Task{RuleID: rule.ID, Window: rule.Window(owed[0].Entry.Slot)}
	for _, one := range owed {
		t.Slots = append(t.Slots, one.Entry.Slot)
		t.Attempts = max(t.Attempts, one.Entry.Attempts)
		t.Drains = t.Drains || one.Entry.Status == ledger.Queued
		t.Window.To = rule.Window(one.Entry.Slot).To
	}
	return t
}

// waits reports whether a slot is in backoff. A slot with queued hits continues at once: it has not
// failed.
func waits(rule Rule, e ledger.Entry, now time.Time, o Options) bool {
	if e.Attempts == 0 || e.Status == ledger.Queued || e.Ended.IsZero() {
		return false
	}
	backoff, most := cmp.Or(o.Backoff, DefaultBackoff), cmp.Or(o.MaxBackoff, DefaultMaxBackoff)
	more := backoff
	for n := int64(1); n < e.Attempts && backoff < most; n++ {
		if backoff += more; !rule.Succeeded.After(e.Ended) {
			more = backoff
		}
	}
	return now.Before(e.Ended.Add(min(backoff, most)))
}
