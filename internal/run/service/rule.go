package service

import (
	"fmt"
	"strings"
	"time"

	"tocsin/internal/ledger"
	"tocsin/internal/ledger/catchup"
	"tocsin/internal/query"
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
	out := &Rule{Plan: plan, Slots: slots, Schedule: r.Interval.String()}
	if r.Cron != "" {
		out.Schedule = strings.TrimSpace(r.Cron + " " + r.CronTimeZone)
	}
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
