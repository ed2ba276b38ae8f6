package service

import (
	"fmt"
	"time"

	"tocsin/internal/ledger"
	"tocsin/internal/ledger/catchup"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler"
	"tocsin/internal/scheduler/window"
)

// Rule is a rule with its grid.
type Rule struct {
	Plan     query.Plan
	Slots    scheduler.Slots
	Schedule string

	merging query.Merging
}

// NewRule returns the rule of a plan with its grid.
func NewRule(plan query.Plan) (*Rule, error) {
	r := plan.Rule()
	slots, err := r.Slots()
	if err != nil {
		return nil, fmt.Errorf("rule %s: %w", r.ID, err)
	}
	out := &Rule{Plan: plan, Slots: slots, Schedule: r.Schedule()}
	out.merging = query.CatchUp(plan)
	return out, nil
}

// ID returns the rule's id.
func (r *Rule) ID() string { return r.Plan.Rule().ID }

// Patterns returns the index patterns that the rule reads.
func (r *Rule) Patterns() []string { return r.Plan.Rule().Reads() }

// Window returns the window that the run of a slot reads.
func (r *Rule) Window(slot time.Time) window.Window {
	return r.Plan.Rule().Window(slot)
}

// ParseSchedule returns the slots of a schedule as [Rule.Schedule] has it.
func ParseSchedule(schedule string) (ledger.Slots, error) { return rule.ParseSchedule(schedule) } //nolint:wrapcheck // it names the schedule

// earlier are the slots of a rule that had another schedule until a slot.
type earlier struct {
	slots ledger.Slots
	until time.Time
}

// windowAfter returns the window of a slot. That of a slot of an earlier schedule, and of the first one after it, reaches back to
// the window of the slot before, so that no time is left out whatever the rule's look-back is now.
func (r *Rule) windowAfter(slot time.Time, e earlier) window.Window {
	w := r.Window(slot)
	if e.slots == nil {
		return w
	}
	before := e.slots.Prev(slot.Add(-1))
	if before.IsZero() || before.After(e.until) {
		return w
	}
	if to := r.Window(before).To; to.Before(w.From) {
		w.From = to
	}
	return w
}

// Grid returns the rule as the ledger knows it. If only some of many owed slots can be kept, an
// ordered rule needs the oldest.
func (r *Rule) Grid() ledger.Grid {
	return ledger.Grid{RuleID: r.ID(), Slots: r.Slots, Schedule: r.Schedule, OldestFirst: r.merging.Ordered}
}

// together reports whether two slots may share a run.
func (r *Rule) together(a, b time.Time) bool {
	return r.merging.Together != nil && r.merging.Together(a, b)
}

// CatchUp returns the rule as package catchup knows it.
func (r *Rule) CatchUp() catchup.Rule {
	return catchup.Rule{ID: r.ID(), Window: r.Window, Together: r.merging.Together, Ordered: r.merging.Ordered}
}
