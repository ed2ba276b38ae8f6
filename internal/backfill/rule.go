package backfill

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/catchup"
	"tocsin/internal/query"
	"tocsin/internal/scheduler"
	"tocsin/internal/window"
)

// Rule is a rule of a job.
type Rule struct {
	Plan  query.Plan
	Slots scheduler.Slots
	// Merging says which slots are run as one, and which side by side. Others are run one after the other.
	query.Merging
}

// NewRule finds out the grid of a rule and what may be done with its slots. Each is run by itself
// where single is set.
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

// window is what the run of a slot reads.
func (r Rule) window(slot time.Time) window.Window {
	return r.Plan.Rule().Window(slot)
}

// catchup is the rule as a plan knows it: what cannot be run side by side is run in order.
func (r Rule) catchup() catchup.Rule {
	return catchup.Rule{ID: r.id(), Window: r.window, Together: r.Together, Ordered: !r.Apart}
}

// between returns the slots in a range, its end excluded.
func (r Rule) between(w window.Window) []time.Time {
	return slices.Collect(scheduler.Between(r.Slots, w.From.Add(-1), w.To.Add(-1)))
}

// count is the number of slots in a range.
func (r Rule) count(w window.Window) int64 {
	n := int64(0)
	for range scheduler.Between(r.Slots, w.From.Add(-1), w.To.Add(-1)) {
		n++
	}
	return n
}

// slotOf tells at which of several slots an event would have been found first: that whose window is
// the first to reach it.
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

// NewJob describes the backfill of rules.
func NewJob(rules []Rule, from, to time.Time, target string) Job {
	j := Job{From: from.UTC(), To: to.UTC(), Target: target}
	for _, r := range rules {
		j.Rules = append(j.Rules, Named{r.id(), r.Plan.Rule().ContentHash})
		j.Slots += r.count(window.Window{From: from, To: to})
	}
	slices.SortFunc(j.Rules, func(a, b Named) int { return cmp.Compare(a.ID, b.ID) })
	j.ID = j.Hash()
	return j
}

// stretches cuts a range at the multiples of a length, so that they do not depend on where a range
// begins, and none is of two days.
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
