package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"tocsin/cmd/runner/internal/logs"
	"tocsin/cmd/runner/internal/metrics"
	"tocsin/internal/ledger"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/run/health"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/run/service"
	"tocsin/internal/search/planner"
)

// runCmd is the subcommand run: the service, or a single round with --once.
type runCmd struct {
	traceFlags

	Once        bool           `help:"Run the latest slot of every rule, then exit."`
	At          moment         `help:"With --once: use T as the slot of every rule. Its window is [T - look-back, T)." placeholder:"T"`
	Concurrency int            `help:"Maximum number of rules that run at the same time." default:"8"`
	RuleTimeout time.Duration  `help:"Timeout of one execution of a rule." default:"5m"`
	Grace       time.Duration  `help:"How long running rules may take to finish when the service is stopped." default:"20s"`
	Strategy    string         `help:"How rules find their hits: scan (one read of the new events for all rules), search (one search for each rule) or auto (whichever is cheaper)." enum:"auto,scan,search" default:"auto"`
	CatchUpAge  time.Duration  `help:"Maximum age of slots that catch-up runs. Older open slots are given up, and counted." default:"168h"`
	Overflow    string         `help:"How to treat hits beyond max_signals: drain (further runs make alerts of them) or summary (one alert with their number)." enum:"drain,summary" default:"drain"`
	Ledger      bool           `help:"Record every slot in the ledger. Without the ledger there is no catch-up." default:"true" negatable:""`
	Retention   time.Duration  `name:"ledger-retention" help:"How long the ledger keeps slots." default:"2160h"`
	StoreKeeps  time.Duration  `name:"store-retention" help:"How long the embedded store keeps alerts and risk events. 0: for ever." default:"0s"`
	LateAfter   time.Duration  `help:"How long after a slot to search for late events. 0: the measured time in which 99 % of the events arrive." default:"0s"`
	Settle      *time.Duration `help:"How long to wait after a slot before its rule runs, so that events indexed before the slot are visible (default: the largest refresh_interval of the rule's indices, at most 1m)." placeholder:"DURATION"`
	Spread      time.Duration  `help:"Average distance between the starts of rules with equal intervals that need a search of their own, within the interval. 0: all start with their slot." default:"1s"`
	Lease       time.Duration  `help:"Lease period. A silent runner is replaced within two periods." default:"15s"`
	Silence     bool           `help:"Watch whether the sources of events go silent: state source-silent." default:"true" negatable:""`
	SilentAfter time.Duration  `help:"Age of the last event of an index pattern from which on it is silent. 0: as the source has it at this hour of the week." default:"0s"`
	GapAfter    time.Duration  `help:"How long slots of a rule may stay open without progress: state gap." default:"10m"`
	Reload      bool           `help:"Reload rules when their files change. SIGHUP and POST /reload reload them in any case." default:"true" negatable:""`
	NotifyAge   time.Duration  `name:"notify-max-age" help:"Alerts of slots that are older than this are notified in one digest for each rule." default:"1h"`
	StateDir    string         `help:"Directory of this service, in which it keeps the states that it has told while Elasticsearch cannot be written, so that their end is told after a restart, too." placeholder:"DIR"`
	StartWithin time.Duration  `name:"start-timeout" help:"How long the service waits at its start for an Elasticsearch that does not answer or refuses. /readyz, metrics and notifications say why meanwhile. 0: it ends at once, with exit code 3." default:"0s"`
	Listen      string         `help:"Address of the status page, the API, /metrics, /healthz and /readyz, or none. Not used with --once." default:"127.0.0.1:9464"`

	webFlags

	// before is what the files that are reloaded contain when they are read first.
	before content
}

// maxSettle is the largest value of --settle.
const maxSettle = time.Hour

// check returns a usage error for flag values that are invalid or do not go together.
func (c *runCmd) check(a *app) error {
	switch {
	case !c.At.IsZero() && !c.Once:
		return usagef("--at needs --once")
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
	case c.StoreKeeps < 0:
		return usagef("--store-retention must not be negative")
	case c.StoreKeeps > 0 && a.typed["store-retention"] && a.global.Store == "":
		return usagef("--store-retention needs --store: runner setup ilm is for Elasticsearch")
	case c.LateAfter < 0:
		return usagef("--late-after must not be negative")
	case c.SilentAfter < 0:
		return usagef("--silent-after must not be negative")
	case c.StartWithin < 0:
		return usagef("--start-timeout must not be negative")
	case c.GapAfter <= 0:
		return usagef("--gap-after must be positive")
	case c.Settle != nil && (*c.Settle < 0 || *c.Settle > maxSettle):
		return usagef("--settle must be between 0s and %s", maxSettle)
	case c.Spread < 0:
		return usagef("--spread must not be negative")
	case c.NotifyAge <= 0:
		return usagef("--notify-max-age must be positive")
	case c.Lease < time.Second:
		return usagef("--lease must be at least 1s")
	case !c.Ledger && !c.Once:
		return usagef("--no-ledger needs --once")
	}
	if err := errors.Join(c.checkStateDir(), c.webFlags.check()); err != nil {
		return err
	}
	return a.global.formatOneOf("text", "json", "ndjson")
}

// checkStateDir returns why nothing can be kept in --state-dir.
func (c *runCmd) checkStateDir() error {
	if c.StateDir == "" {
		return nil
	}
	probe, err := os.CreateTemp(c.StateDir, "tocsin-probe-*")
	if err != nil {
		return usagef("--state-dir: %w", err)
	}
	_ = probe.Close()
	if err := os.Remove(probe.Name()); err != nil {
		return usagef("--state-dir: %w", err)
	}
	return nil
}

// kept returns a file of --state-dir, or nil without the flag.
func (c *runCmd) kept(namespace, what string) health.Store {
	if c.StateDir == "" {
		return nil
	}
	return &health.File{Path: filepath.Join(c.StateDir, what+"-"+namespace+".json")}
}

// Run is the subcommand.
func (c *runCmd) Run(ctx context.Context, a *app) error {
	if err := c.check(a); err != nil {
		return err
	}
	if !c.Once {
		a.global.log = slog.New(logs.Sparing(a.global.log.Handler()))
	}
	c.before = contentBefore(ctx, c.watched(a.global))
	rules, complaint := a.global.planRules(ctx, a.global.Rules)
	if err := a.showBriefly(rules.problems()); err != nil {
		return err
	}
	var d digest
	for _, r := range rules.disabled {
		a.global.log.Log(ctx, d.level(slog.LevelInfo, "rules are disabled", "", "", r.ID, ""), "rule is disabled", "rule_id", r.ID, "path", r.Path)
	}
	d.tell(ctx, a.global.log)
	for _, r := range rules.silent {
		a.global.log.Debug("rule alerts only through a correlation", "rule_id", r.ID, "path", r.Path, "correlation", r.SilencedBy)
	}
	if len(rules.plans) == 0 {
		return nothingToRun(rules, complaint)
	}
	if c.StoreKeeps > 0 && a.global.Store != "" {
		if err := keepsEnough("--store-retention", c.StoreKeeps, rules.plans, c.CatchUpAge); err != nil {
			return err
		}
	}
	ctx, traces, err := c.begin(ctx, a)
	if err != nil {
		return err
	}
	defer traces.Stop(ctx)
	if !c.Once {
		return c.service(ctx, &starting{app: a, cmd: c, traces: traces}, rules)
	}
	r, err := c.prepare(ctx, a, rules)
	if err != nil {
		return err
	}
	defer func() { _ = r.backend.close() }()
	r.metrics.Traces(traces.Sent)
	r.backend.visibleAtOnce()
	r.prune(ctx)
	sent := r.notices.begin(ctx, r.clock.Passed, c.Lease, r.metrics)
	err = errors.Join(r.once(ctx), sent.drain(ctx, c.Grace))
	switch {
	case err != nil:
		return err
	case complaint != nil:
		return complaint
	case r.backend.incomplete != nil:
		return r.backend.incomplete
	case rules.failed:
		return errFailed
	}
	return nil
}

// service runs the rules until the context ends. It starts again while Elasticsearch does not let it, for --start-timeout.
func (c *runCmd) service(ctx context.Context, w *starting, rules planned) error {
	defer w.close()
	for {
		err := c.start(ctx, w, rules)
		more, failed := w.again(ctx, err)
		switch {
		case failed != nil:
			return failed
		case more:
		case w.waits() && ctx.Err() != nil: // it was stopped before it could start
			tellSupervisor(context.WithoutCancel(ctx), w.global.log, "STOPPING=1")
			w.global.log.Info("stopped")
			return nil
		default:
			return err
		}
	}
}

// start is one attempt to start the service, which runs until the context ends if it succeeds.
func (c *runCmd) start(ctx context.Context, w *starting, rules planned) error {
	r, err := c.prepare(ctx, w.app, rules)
	if err != nil {
		return err
	}
	defer func() { _ = r.backend.close() }()
	r.metrics.Traces(w.traces.Sent)
	return r.serve(ctx, rules, w)
}

// prepare opens the place of events and alerts, creates there what the rules need, and returns what can run them. The caller closes its
// backend.
func (c *runCmd) prepare(ctx context.Context, a *app, rules planned) (r *runner, err error) {
	b, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = b.close()
		}
	}()
	settled := a.settling(b, c.Settle)
	settled.compare(ctx)
	if err := install(ctx, b, rules.plans); err != nil {
		return nil, err
	}
	// Without slots, too, its index keeps the series of indices, and must not be made by the first of them.
	if err := b.installLedger(ctx); err != nil {
		return nil, err
	}
	if err := a.nameMisfits(ctx, b); err != nil {
		return nil, err
	}
	notices, err := a.notifier(ctx, b)
	if err != nil {
		return nil, err
	}
	if r, err = newRunner(ctx, a, c, b, rules, settled, notices); err != nil {
		return nil, err
	}
	settled.learn(ctx, patternsOf(r.rules, (*service.Rule).Patterns))
	return r, nil
}

// install creates the indices and templates that the output of the rules needs. The risk index is created only when
// there is a Splunk detection: otherwise the user needs no privileges on it.
func install(ctx context.Context, b *backend, plans []query.Plan) error {
	if err := b.install(ctx); err != nil {
		return err
	}
	if writesTables(plans) && b.installTables != nil {
		if err := b.installTables(ctx); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(plans, func(p query.Plan) bool { return p.Rule().Type == rule.TypeSPL }) {
		return nil
	}
	return b.installRisk(ctx)
}

// writesTables reports whether searches of the plans write lookup tables.
func writesTables(plans []query.Plan) bool {
	return slices.ContainsFunc(plans, func(p query.Plan) bool {
		writer, ok := p.(query.TableWriter)
		return ok && writer.WritesTables()
	})
}

// nothingToRun returns the error of the command when no rule can run; nil when all rules are disabled.
func nothingToRun(rules planned, complaint error) error {
	switch {
	case complaint != nil:
		return complaint
	case rules.failed:
		return errFailed
	case len(rules.disabled) > 0:
		return nil // the user disabled them
	}
	return usagef("rules: no rules found in the paths of --rules")
}

// runner is one invocation of the subcommand run.
type runner struct {
	*app
	cmd     *runCmd
	backend *backend
	settled *settling
	metrics *metrics.Metrics
	// rules are those that run; a reload replaces them.
	mu       sync.Mutex
	rules    []*service.Rule
	ledger   *ledger.Ledger
	rounds   *pipeline.Round
	warnings warnings
	writing  writing
	// aside are the rules that do not run by themselves.
	aside aside
	// latest are the latest executions.
	latest latestRuns
	// health holds the states of the service; nil with --once.
	health *watching
	// host is its machine, for people.
	host    string
	enrich  *enriching
	notices *notifier
}

// onceGather is how long a round of --once waits for its rules, which all start at the same time.
const onceGather = 20 * time.Millisecond

func newRunner(ctx context.Context, a *app, c *runCmd, b *backend, rules planned, settled *settling, notices *notifier) (*runner, error) {
	r := &runner{
		app: a, cmd: c, backend: b, settled: settled, metrics: metrics.New(), notices: notices,
		ledger: &ledger.Ledger{Store: b.ledger, MaxAge: c.CatchUpAge, Parse: service.ParseSchedule},
	}
	for _, plan := range rules.plans {
		one, err := service.NewRule(plan)
		if err != nil {
			return nil, err //nolint:wrapcheck // it names the rule
		}
		r.rules = append(r.rules, one)
	}
	var err error
	if r.enrich, err = a.openEnrichment(ctx, b, r.metrics); err != nil {
		return nil, err
	}
	r.rounds = r.newRound(c.Concurrency)
	r.aside = asideOf(rules)
	r.introduce()
	r.setRules(r.rules)
	r.tellRules(rules, 0)
	return r, nil
}

// tellRules sets the metrics of the loaded rules; outdated is the number of those with errors that run as they were before.
func (r *runner) tellRules(rules planned, outdated int) {
	r.metrics.Rules(metrics.Rules{
		Valid: len(rules.plans) + len(rules.silent), Invalid: rules.report.Invalid, Disabled: len(rules.disabled), Outdated: outdated,
		Unsupported: rules.report.Rules - rules.report.Invalid - len(rules.plans) - len(rules.disabled) - len(rules.silent),
	})
}

// ruleList returns the rules that run.
func (r *runner) ruleList() []*service.Rule {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rules
}

func (r *runner) setRules(rules []*service.Rule) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rules = rules
	r.metrics.Running(described(rules))
	r.metrics.Digest(digestOf(rules))
	r.warnings.keep(rules)
}

// newRound returns a round that runs up to concurrency rules at the same time.
func (r *runner) newRound(concurrency int) *pipeline.Round {
	return &pipeline.Round{
		Pipeline: &pipeline.Pipeline{
			Events: r.backend.events, Alerts: r.backend.alerts, Instances: r.backend.alerts, Risk: r.backend.riskPlace(), Series: r.backend.series, Tables: r.backend.tables,
			Options: r.alertOptions(r.backend), Now: r.clock.Now, Enrich: r.enrich.add(),
			Summarize: r.cmd.Overflow == "summary", Telling: r.notices.telling(r.cmd.NotifyAge, ""),
		},
		Planner: &planner.Planner{Pin: planner.Strategy(r.cmd.Strategy)}, Concurrency: concurrency, Observe: r.observe,
	}
}

// observe reports a finished round in metrics and log.
func (r *runner) observe(round planner.Round) {
	r.metrics.Round(round)
	switch {
	case round.Err != nil:
		r.global.log.Warn("scan failed, each rule was searched on its own", "error", round.Err)
	case round.Requests > 1:
		r.global.log.Debug("round", "requests", round.Requests, "scanned", round.Scan.Answered, "plan", round.String())
	}
}
