package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/backend/store"
	"tocsin/internal/diag/failure"
	"tocsin/internal/run/hunt"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/batch"
	"tocsin/internal/search/planner"
	"tocsin/internal/search/tables"
)

// huntCmd counts what many rules find in files or in the past.
type huntCmd struct {
	From        moment   `help:"Start of the time range (default with files: the first event)." placeholder:"T"`
	To          moment   `help:"End of the time range, which is not part of it (default: now; with files: after the last event)." placeholder:"T"`
	Rule        []string `help:"Only this rule (rule_id or name). May be repeated. A disabled rule runs if it is named." placeholder:"ID" sep:"none"`
	Concurrency int      `help:"Maximum number of rules that run at the same time." default:"8"`
	Strategy    string   `help:"How rules find their hits: scan (one read of the events for all rules), search (one search for each rule) or auto (whichever is cheaper)." enum:"auto,scan,search" default:"auto"`
}

// huntBytes is the memory for hits of rules that need more than their number.
const huntBytes = 256 << 20

func (c *huntCmd) check(a *app) error {
	switch {
	case c.Concurrency < 1:
		return usagef("--concurrency must be at least 1")
	case len(a.global.Elasticsearch) > 0 && c.From.IsZero():
		return usagef("the time range is missing: give --from T, such as --from now-7d")
	case !c.From.IsZero() && !c.To.IsZero() && !c.From.Before(c.To.Time):
		return usagef("--from must be before --to")
	}
	return a.global.formatOneOf("text", "json", "ndjson", "csv")
}

// Run is the subcommand.
func (c *huntCmd) Run(ctx context.Context, a *app) error {
	if err := c.check(a); err != nil {
		return err
	}
	rules, complaint := a.global.planRules(ctx, a.global.Rules)
	if err := rules.only(c.Rule); err != nil {
		return err
	}
	if err := a.showBriefly(rules.problems()); err != nil {
		return err
	}
	if len(rules.plans) == 0 {
		return nothingToRun(rules, complaint)
	}
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	w := window.Window{From: c.From.Time, To: c.To.Time}
	if len(a.global.Elasticsearch) > 0 && w.To.IsZero() {
		w.To = a.clock.Now()
	}
	risk := store.NewMemory()
	h := hunt.Hunt{
		Events: b.events, Range: w, Series: b.previewSeries, Tables: tables.Dry(b.tables), Concurrency: c.Concurrency, Now: a.clock.Now(),
		Planner: &planner.Planner{Pin: planner.Strategy(c.Strategy), Options: batch.ScanOptions{MaxBytes: huntBytes}},
		Risk:    &pipeline.Risk{Indexer: risk, Instances: risk, Events: &store.Kept{Records: risk, Index: elastic.RiskAlias(a.global.Namespace)}},
	}
	h.Progress = func(slots int) func(int) {
		bar := a.bars.add("slots", int64(slots))
		done := 0
		return func(n int) {
			bar.advance(int64(n))
			if done += n; done == slots {
				bar.finish()
			}
		}
	}
	found, err := h.Run(search.Background(ctx), rules.plans)
	if err != nil {
		if ctx.Err() != nil {
			return errors.New("hunt: interrupted") //nolint:err113 // for people
		}
		return fmt.Errorf("hunt: %w", err)
	}
	a.tellCensus(found)
	if err := newHuntTable(found, rules.report).write(a); err != nil {
		return err
	}
	if err := huntOutcome(ctx, b, found); err != nil {
		return err
	}
	switch {
	case complaint != nil:
		return complaint
	case b.incomplete != nil:
		return b.incomplete
	case rules.failed:
		return errFailed
	}
	return nil
}

// tellCensus says how many events no rule could find, and why.
func (a *app) tellCensus(found hunt.Report) {
	c := found.Census
	if c == nil {
		return
	}
	if c.Untimed > 0 {
		a.global.log.Warn("events have no @timestamp: rules do not find them", "events", c.Untimed)
	}
	switch {
	case c.Outside == 0:
	case c.First.IsZero():
		a.global.log.Info("events lie outside the time range", "events", c.Outside)
	default:
		a.global.log.Warn("events lie outside the time range", "events", c.Outside, "first", c.First.Format(time.RFC3339), "last", c.Last.Format(time.RFC3339))
	}
	if c.Inside == 0 {
		a.global.log.Warn("no event lies in the time range")
	}
	if err := found.Round.Err; err != nil {
		a.global.log.Warn("the shared read failed, each rule was searched on its own", "error", err)
	}
	a.global.log.Debug("hunt", "plan", found.Round.String())
}

// huntOutcome returns the error of the command for what rules found: that Elasticsearch cannot be reached outweighs the
// failure of rules.
func huntOutcome(ctx context.Context, b *backend, found hunt.Report) error {
	var result error
	asked := false
	for _, f := range found.Findings {
		if f.Err == nil && len(f.Refused) == 0 {
			continue
		}
		result = errFailed
		switch kind := failure.KindOf(f.Err); {
		case f.Err == nil:
		case kind == failure.Refused:
			return fmt.Errorf("rule %s: %w", f.Rule.ID, f.Err)
		case kind == failure.Unavailable && !asked:
			asked = true
			if err := b.ready(ctx); err != nil {
				return err
			}
		}
	}
	return result
}

// only keeps the named rules; no name keeps all.
func (p *planned) only(refs []string) error {
	if len(refs) == 0 {
		return nil
	}
	all := slices.Concat(p.plans, p.idle)
	p.plans, p.failed = nil, false
	results := p.report.Results
	p.report.Results = nil
	for _, ref := range refs {
		found := false
		for _, plan := range all {
			if r := plan.Rule(); r.ID == ref || r.Name == ref {
				p.plans, found = append(p.plans, plan), true
			}
		}
		for _, r := range results {
			if r.RuleID != ref && r.Name != ref {
				continue
			}
			p.report.Results = append(p.report.Results, r)
			p.failed = p.failed || !found
			found = true
		}
		if !found {
			return usagef("--rule %s: no rule of --rules has this id or name", ref)
		}
	}
	return nil
}
