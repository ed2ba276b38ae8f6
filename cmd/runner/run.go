package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/metrics"
	"tocsin/internal/pipeline"
	"tocsin/internal/planner"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler"
)

// runCmd is the service, and its single round.
type runCmd struct {
	Once        bool          `help:"Run every rule's current slot and exit."`
	At          moment        `help:"With --once: run every rule as if this were its slot, over [T - look-back, T)." placeholder:"T"`
	Concurrency int           `help:"Rules that run at the same time." default:"8"`
	RuleTimeout time.Duration `help:"Limit for one execution of a rule." default:"5m"`
	Grace       time.Duration `help:"Time that running rules get when the service is told to stop." default:"20s"`
	Strategy    string        `help:"How rules find their hits: auto, scan (one read of the new events for all rules) or search." enum:"auto,scan,search" default:"auto"`
	Listen      string        `help:"Address of /metrics, /healthz and /readyz, or none. Not with --once." default:"127.0.0.1:9464"`
}

// check refuses what makes no sense.
func (c *runCmd) check(a *app) error {
	switch {
	case !c.At.IsZero() && !c.Once:
		return usagef("--at goes with --once")
	case c.Concurrency < 1:
		return usagef("--concurrency must be at least 1")
	case c.RuleTimeout <= 0:
		return usagef("--rule-timeout must be positive")
	case c.Grace < 0:
		return usagef("--grace must not be negative")
	}
	return a.global.formatOneOf("text", "json", "ndjson")
}

// Run is the subcommand.
func (c *runCmd) Run(ctx context.Context, a *app) error {
	if err := c.check(a); err != nil {
		return err
	}
	rules, complaint := a.global.planRules(ctx, a.global.Rules)
	if err := a.show(rules.problems()); err != nil {
		return err
	}
	for _, r := range rules.disabled {
		a.global.log.Info("rule is disabled", "rule_id", r.ID, "path", r.Path)
	}
	if len(rules.plans) == 0 {
		return nothingToRun(rules, complaint)
	}
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	if err := install(ctx, b, rules.plans); err != nil {
		return err
	}
	r := newRunner(a, c, b, rules)
	if !c.Once {
		return r.serve(ctx, rules.plans)
	}
	b.visibleAtOnce()
	err = r.once(ctx, rules.plans)
	switch {
	case err != nil:
		return err
	case complaint != nil:
		return complaint
	case b.incomplete != nil:
		return b.incomplete
	case rules.failed:
		return errFailed
	}
	return nil
}

// install makes what the output of rules needs. Only detections of Splunk's content make risk events:
// who has none need not be allowed to keep any.
func install(ctx context.Context, b *backend, plans []query.Plan) error {
	if err := b.install(ctx); err != nil {
		return err
	}
	if !slices.ContainsFunc(plans, func(p query.Plan) bool { return p.Rule().Type == rule.TypeSPL }) {
		return nil
	}
	return b.installRisk(ctx)
}

// nothingToRun is the outcome when no rule can run.
func nothingToRun(rules planned, complaint error) error {
	switch {
	case complaint != nil:
		return complaint
	case rules.failed:
		return errFailed
	case len(rules.disabled) > 0:
		return nil // as somebody wants it
	}
	return usagef("rules: there is none in the places named by --rules")
}

// runner is one run of the command.
type runner struct {
	*app
	cmd      *runCmd
	backend  *backend
	metrics  *metrics.Metrics
	rounds   *pipeline.Round
	warnings warnings
}

// onceGather is enough for rules that all start now to find each other.
const onceGather = 20 * time.Millisecond

func newRunner(a *app, c *runCmd, b *backend, rules planned) *runner {
	r := &runner{app: a, cmd: c, backend: b, metrics: metrics.New()}
	r.rounds = &pipeline.Round{
		Pipeline: &pipeline.Pipeline{
			Events: b.events, Alerts: b.alerts, Instances: b.alerts, Risk: b.riskPlace(),
			Options: alert.Options{IdentityField: a.global.IdentityField},
		},
		Planner: &planner.Planner{Pin: planner.Strategy(c.Strategy)}, Concurrency: c.Concurrency, Observe: r.observe,
	}
	if c.Once {
		r.rounds.Gather = onceGather
	}
	r.metrics.Rules(metrics.Rules{
		Valid: len(rules.plans), Invalid: rules.report.Invalid, Disabled: len(rules.disabled),
		Unsupported: rules.report.Rules - rules.report.Invalid - len(rules.plans) - len(rules.disabled),
	})
	return r
}

// observe tells of a round of rules that ran together.
func (r *runner) observe(round planner.Round) {
	r.metrics.Round(round)
	switch {
	case round.Err != nil:
		r.global.log.Warn("scan failed, rules were searched one by one", "error", round.Err)
	case round.Requests > 1:
		r.global.log.Debug("round", "requests", round.Requests, "scanned", round.Scan.Answered, "plan", round.String())
	}
}

// job makes the scheduled job of a plan.
func (r *runner) job(plan query.Plan, done func(pipeline.Execution)) (scheduler.Job, error) {
	rl := plan.Rule()
	every := max(rl.Interval, time.Second)
	slots := scheduler.Interval(every, 0) // one grid, so that rules share the read of their events
	if rl.Cron != "" {
		var err error
		if slots, err = scheduler.Cron(rl.Cron, time.UTC); err != nil {
			return scheduler.Job{}, fmt.Errorf("rule %s: %w", rl.ID, err)
		}
	}
	return scheduler.Job{ID: rl.ID, Slots: slots, Timeout: r.cmd.RuleTimeout, Run: func(ctx context.Context, slot time.Time) {
		done(r.rounds.Run(ctx, pipeline.Job{
			Plan: plan, Slot: slot, Window: rl.Window(slot), Manual: !r.cmd.At.IsZero(),
		}))
	}}, nil
}

// jobs makes those of all plans.
func (r *runner) jobs(plans []query.Plan, done func(pipeline.Execution)) ([]scheduler.Job, error) {
	jobs := make([]scheduler.Job, len(plans))
	for i, plan := range plans {
		var err error
		if jobs[i], err = r.job(plan, done); err != nil {
			return nil, err
		}
	}
	return jobs, nil
}
