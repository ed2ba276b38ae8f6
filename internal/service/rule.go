package service

import (
	"fmt"
	"strings"
	"time"

	"tocsin/internal/catchup"
	"tocsin/internal/ledger"
	"tocsin/internal/query"
	"tocsin/internal/scheduler"
	"tocsin/internal/window"
)

// Rule is a rule with its grid.
type Rule struct {
	Plan     query.Plan
	Slots    scheduler.Slots
	Schedule string

	merging query.Merging
}

// NewRule lays the grid of a plan's rule.
func NewRule(plan query.Plan) (*Rule, error) {
	r := plan.Rule()
	slots, err := r.Slots()
	if err != nil {
		return nil, fmt.Errorf("rule %s: %w", r.ID, err)
	}
	out := &Rule{Plan: plan, Slots: slots, Schedule: r.Interval.String()}
	if r.Cron != "" {
		out.Schedule = strings.TrimSpace(r.Cron + " " + r.CronTimeZone)
	}
	out.merging = query.CatchUp(plan)
	return out, nil
}

// ID is the rule's.
func (r *Rule) ID() string { return r.Plan.Rule().ID }

// Patterns are those of the indices that the rule reads.
func (r *Rule) Patterns() []string { return r.Plan.Rule().Reads() }

// Window is what the run of a slot reads.
func (r *Rule) Window(slot time.Time) window.Window {
	return r.Plan.Rule().Window(slot)
}

// Grid is the rule as the ledger knows it. Where only some of many owed slots are kept, an ordered
// rule needs the oldest.
func (r *Rule) Grid() ledger.Grid {
	return ledger.Grid{RuleID: r.ID(), Slots: r.Slots, Schedule: r.Schedule, OldestFirst: r.merging.Ordered}
}

// together reports whether two slots may be run as one.
func (r *Rule) together(a, b time.Time) bool {
	return r.merging.Together != nil && r.merging.Together(a, b)
}

// CatchUp is the rule as the plan of a catch-up knows it.
func (r *Rule) CatchUp() catchup.Rule {
	return catchup.Rule{ID: r.ID(), Window: r.Window, Together: r.merging.Together, Ordered: r.merging.Ordered}
}
