package main

import (
	"context"
	"slices"
	"time"

	"tocsin/cmd/runner/internal/metrics"
	"tocsin/internal/alert"
	"tocsin/internal/ledger"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/run/service"
	"tocsin/internal/search/planner"
)

// runCmd is the service, and its single round.
type runCmd struct {
	Once        bool           `help:"Run every rule's current slot and exit."`
	At          moment         `help:"With --once: run every rule as if this were its slot, over [T - look-back, T)." placeholder:"T"`
	Concurrency int            `help:"Maximum number of rules that run concurrently." default:"8"`
	RuleTimeout time.Duration  `help:"Timeout of one execution of a rule." default:"5m"`
	Grace       time.Duration  `help:"How long running rules may continue after a request to stop." default:"20s"`
	Strategy    string         `help:"How rules find their hits: auto, scan (one read of the new events for all rules) or search." enum:"auto,scan,search" default:"auto"`
	CatchUpAge  time.Duration  `help:"Maximum age of missed slots that are run later; older ones are given up and counted." default:"168h"`
	Overflow    string         `help:"What to do with hits beyond max_signals: drain (make alerts of them in further runs) or summary (one alert with their number)." enum:"drain,summary" default:"drain"`
	Ledger      bool           `help:"Record every slot in the ledger. Without it, missed slots are not run later." default:"true" negatable:""`
	Retention   time.Duration  `name:"ledger-retention" help:"How long records of slots are kept." default:"2160h"`
	LateAfter   time.Duration  `help:"How long after a slot to search for late events; 0: until 99 % have arrived, as measured." default:"0s"`
	Settle      *time.Duration `help:"How long after a slot its rule runs, so that events indexed before are visible (default: the largest refresh_interval of the rule's indices, at most 1m)." placeholder:"DURATION"`
	Lease       time.Duration  `help:"Lease period: a silent runner is replaced within two periods." default:"15s"`
	Listen      string         `help:"Address of /metrics, /healthz and /readyz, or none. Not with --once." default:"127.0.0.1:9464"`
}

// mostSettle bounds what somebody may want to be waited.
const mostSettle = time.Hour

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
	case c.CatchUpAge <= 0:
		return usagef("--catch-up-age must be positive")
	case c.Retention < c.CatchUpAge:
		return usagef("--ledger-retention must not be shorter than --catch-up-age")
	case c.LateAfter < 0:
		return usagef("--late-after must not be negative")
	case c.Settle != nil && (*c.Settle < 0 || *c.Settle > mostSettle):
		return usagef("--settle must be between 0s and %s", mostSettle)
	case c.Lease < time.Second:
		return usagef("--lease must be at least 1s")
	case !c.Ledger && !c.Once:
		return usagef("--no-ledger goes with --once")
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
	settled := a.settling(b, c.Settle)
	settled.compare(ctx)
	if err := install(ctx, b, rules.plans); err != nil {
		return err
	}
	if c.Ledger {
		if err := b.installLedger(ctx); err != nil {
			return err
		}
	}
	a.nameMisfits(ctx, b)
	r, err := newRunner(a, c, b, rules, settled)
	if err != nil {
		return err
	}
	settled.learn(ctx, patternsOf(r.rules, (*service.Rule).Patterns))
	if !c.Once {
		return r.serve(ctx)
	}
	b.visibleAtOnce()
	err = r.once(ctx)
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
	settled  *settling
	metrics  *metrics.Metrics
	rules    []*service.Rule
	ledger   *ledger.Ledger
	rounds   *pipeline.Round
	warnings warnings
	writing  writing
}

// onceGather is enough for rules that all start now to find each other.
const onceGather = 20 * time.Millisecond

func newRunner(a *app, c *runCmd, b *backend, rules planned, settled *settling) (*runner, error) {
	r := &runner{
		app: a, cmd: c, backend: b, settled: settled, metrics: metrics.New(),
		ledger: &ledger.Ledger{Store: b.ledger, MaxAge: c.CatchUpAge},
	}
	for _, plan := range rules.plans {
		one, err := service.NewRule(plan)
		if err != nil {
			return nil, err //nolint:wrapcheck // it names the rule
		}
		r.rules = append(r.rules, one)
	}
	r.rounds = r.newRound(c.Concurrency)
	r.metrics.Rules(metrics.Rules{
		Valid: len(rules.plans), Invalid: rules.report.Invalid, Disabled: len(rules.disabled),
		Unsupported: rules.report.Rules - rules.report.Invalid - len(rules.plans) - len(rules.disabled),
	})
	return r, nil
}

// newRound makes what runs rules together.
func (r *runner) newRound(concurrency int) *pipeline.Round {
	return &pipeline.Round{
		Pipeline: &pipeline.Pipeline{
			Events: r.backend.events, Alerts: r.backend.alerts, Instances: r.backend.alerts, Risk: r.backend.riskPlace(), Series: r.backend.series, Tables: r.backend.tables,
			Options: alert.Options{IdentityField: r.global.IdentityField}, Now: r.clock.Now,
			Summarize: r.cmd.Overflow == "summary",
		},
		Planner: &planner.Planner{Pin: planner.Strategy(r.cmd.Strategy)}, Concurrency: concurrency, Observe: r.observe,
	}
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
