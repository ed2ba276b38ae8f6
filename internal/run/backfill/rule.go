package backfill

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/ledger/catchup"
	"tocsin/internal/query"
	"tocsin/internal/scheduler"
	"tocsin/internal/scheduler/window"
)

// Rule is a rule of a job.
type Rule struct {
	Plan  query.Plan
	Slots scheduler.Slots
	// Merging says which slots share a run, and which run concurrently. Others run one after the
	// other.
	query.Merging
}

// NewRule returns a rule with its grid and its merging. With single, every slot runs by itself.
func NewRule(plan query.Plan, single bool) (Rule, error) {
	rl := plan.Rule()
	slots, err := rl.Slots()
	if err != nil {
		return Rule{}, fmt.Errorf("rule %s: %w", rl.ID, err)
	}
	r := Rule{Plan: plan, Slots: slots}
	if r.Merging = query.CatchUp(plan); single {
		r.Together, r.Apart = nil, false
	}
	return r, nil
}

func (r Rule) id() string { return r.Plan.Rule().ID }

// window returns the window that the run of a slot reads.
func (r Rule) window(slot time.Time) window.Window {
	return r.Plan.Rule().Window(slot)
}

// catchup returns the rule as package catchup knows it: slots that cannot run concurrently run in
// order.
func (r Rule) catchup() catchup.Rule {
	return catchup.Rule{ID: r.id(), Window: r.window, Together: r.Together, Ordered: !r.Apart}
}

// between returns the slots in a range, its end excluded.
func (r Rule) between(w window.Window) []time.Time {
	return slices.Collect(scheduler.Between(r.Slots, w.From.Add(-1), w.To.Add(-1)))
}

// count returns the number of slots in a range.
func (r Rule) count(w window.Window) int64 {
	n := int64(0)
	for range scheduler.Between(r.Slots, w.From.Add(-1), w.To.Add(-1)) {
		n++
	}
	return n
}

// slotOf returns a func that returns the slot at which an event would have been found first: the
// first one whose window contains it.
func (r Rule) slotOf(covers []time.Time) func(time.Time) time.Time {
	ends := make([]time.Time, len(covers))
	for i, slot := range covers {
		ends[i] = r.window(slot).To
	}
	return func(at time.Time) time.Time {
		i, _ := slices.BinarySearchFunc(ends, at, func(end, at time.Time) int {
			if end.After(at) {
				return 1
			}
			return -1
		})
		return covers[min(i, len(covers)-1)]
	}
}

// NewJob describes a backfill of rules.
func NewJob(rules []Rule, from, to time.Time, target string, settings map[string]string) Job {
	j := Job{From: from.UTC(), To: to.UTC(), Target: target, Settings: settings}
	for _, r := range rules {
		j.Rules = append(j.Rules, Named{r.id(), r.Plan.Rule().ContentHash})
		j.Slots += r.count(window.Window{From: from, To: to})
	}
	slices.SortFunc(j.Rules, func(a, b Named) int { return cmp.Compare(a.ID, b.ID) })
	j.ID = j.Hash()
	return j
}

// stretches cuts a range at the multiples of a length. So the cuts do not depend on where the range
// begins, and no stretch spans two days.
func stretches(from, to time.Time, length time.Duration) func(func(window.Window) bool) {
	return func(yield func(window.Window) bool) {
		for from.Before(to) {
			end := from.Truncate(length).Add(length)
			if end.After(to) {
				end = to
			}
			if !yield(window.Window{From: from, To: end}) {
				return
			}
			from = end
		}
	}
}
