package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"tocsin/internal/alert"
	"tocsin/internal/metrics"
	"tocsin/internal/pipeline"
	"tocsin/internal/query"
	"tocsin/internal/scheduler"
	"tocsin/internal/server"
	"tocsin/internal/window"
)

// runCmd is the service, and its single round.
type runCmd struct {
	Once        bool          `help:"Run every rule's current slot and exit."`
	At          time.Time     `help:"With --once: run every rule as if this were its slot, over [T - look-back, T)." placeholder:"T" format:"2006-01-02T15:04:05Z07:00"`
	Concurrency int           `help:"Rules that run at the same time." default:"8"`
	RuleTimeout time.Duration `help:"Limit for one execution of a rule." default:"5m"`
	Grace       time.Duration `help:"Time that running rules get when the service is told to stop." default:"20s"`
	Listen      string        `help:"Address of /metrics, /healthz and /readyz; empty for none. Not with --once." default:"127.0.0.1:9464"`
}

// Run is the subcommand.
func (c *runCmd) Run(ctx context.Context, a *app) error {
	switch {
	case !c.At.IsZero() && !c.Once:
		return usagef("--at goes with --once")
	case c.Concurrency < 1:
		return usagef("--concurrency must be at least 1")
	case c.RuleTimeout <= 0:
		return usagef("--rule-timeout must be positive")
	}
	if err := a.global.formatOneOf("text", "json", "ndjson"); err != nil {
		return err
	}
	rules, usage := planRules(a.global.Rules)
	if err := a.show(rules.problems()); err != nil {
		return err
	}
	if usage != nil && len(rules.plans) == 0 {
		return usage
	}
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	if err := b.install(ctx); err != nil {
		return err
	}
	r := &runner{app: a, cmd: c, backend: b, metrics: metrics.New(), warned: map[string]string{}, pipeline: &pipeline.Pipeline{
		Events: b.events, Alerts: b.alerts, Options: alert.Options{IdentityField: a.global.IdentityField},
	}}
	r.metrics.Rules(rules.report.Valid, rules.report.Invalid, rules.report.Unsupported)
	if !c.Once {
		return r.serve(ctx, rules.plans)
	}
	b.visibleAtOnce()
	err = r.once(ctx, rules)
	switch {
	case err != nil:
		return err
	case usage != nil:
		return usage
	case b.missing:
		return usagef("not all event files could be read")
	case b.badInput || !rules.allValid():
		return errFailed
	}
	return nil
}

// runner is one run of the command.
type runner struct {
	*app
	cmd      *runCmd
	backend  *backend
	metrics  *metrics.Metrics
	pipeline *pipeline.Pipeline

	mu sync.Mutex
	// warned holds the warnings of each rule's last execution, so that a lasting state of affairs is
	// not repeated at every slot.
	warned map[string]string
}

// serve runs the rules on their schedule until the context ends.
func (r *runner) serve(ctx context.Context, plans []query.Plan) error {
	jobs := make([]scheduler.Job, len(plans))
	now := time.Now()
	for i, plan := range plans {
		job, err := r.job(plan, func(x pipeline.Execution) { r.log(x) })
		if err != nil {
			return err
		}
		job.After = job.Slots.Prev(now).Add(-time.Nanosecond) // the slot that is current now is run too
		jobs[i] = job
	}
	s := scheduler.New(jobs, scheduler.Options{
		Concurrency: r.cmd.Concurrency, Grace: r.cmd.Grace, Hooks: r.metrics.Hooks(r.global.log),
	})
	group, ctx := errgroup.WithContext(ctx)
	if r.cmd.Listen != "" {
		web, err := server.Listen(ctx, r.cmd.Listen, r.metrics.Handler(), r.backend.ready)
		if err != nil {
			return usageError{err}
		}
		r.global.log.Info("listening", "address", web.Address())
		group.Go(func() error { return web.Serve(ctx) })
	}
	r.global.log.Info("running", "rules", len(jobs), "events", r.backend.name)
	group.Go(func() error { return s.Run(ctx) })
	if err := group.Wait(); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	r.global.log.Info("stopped")
	return nil
}

// job makes the scheduled job of a plan.
func (r *runner) job(plan query.Plan, done func(pipeline.Execution)) (scheduler.Job, error) {
	rl := plan.Rule()
	slots := scheduler.Interval(max(rl.Interval, time.Second), scheduler.Spread(rl.ID, max(rl.Interval, time.Second)))
	if rl.Cron != "" {
		var err error
		if slots, err = scheduler.Cron(rl.Cron, time.UTC); err != nil {
			return scheduler.Job{}, fmt.Errorf("rule %s: %w", rl.ID, err)
		}
	}
	return scheduler.Job{ID: rl.ID, Slots: slots, Timeout: r.cmd.RuleTimeout, Run: func(ctx context.Context, slot time.Time) {
		done(r.pipeline.Run(ctx, pipeline.Job{
			Plan: plan, Slot: slot, Window: window.At(slot, rl.From.Expr, rl.To.Expr), Manual: !r.cmd.At.IsZero(),
		}))
	}}, nil
}

// log accounts for an execution in metrics and log.
func (r *runner) log(x pipeline.Execution) {
	r.metrics.Execution(x)
	log := r.global.log.With("rule_id", x.RuleID, "execution_id", x.ID, "window", x.Window.String())
	level := r.warningLevel(x)
	for _, w := range x.Warnings {
		log.Log(context.Background(), level, w)
	}
	attributes := []any{
		"status", string(x.Status), "hits", x.Hits, "created", x.Created, "duplicates", x.Duplicates,
		"took", x.Took.Round(time.Millisecond).String(),
	}
	switch {
	case x.Status == pipeline.Succeeded && x.Created > 0:
		log.Info("executed", attributes...)
	case x.Status == pipeline.Succeeded:
		log.Debug("executed", attributes...)
	default:
		log.Error("executed", append(attributes, "error", x.Problem())...)
	}
}

// warningLevel is lower for warnings that the rule's last execution had as well.
func (r *runner) warningLevel(x pipeline.Execution) slog.Level {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := strings.Join(x.Warnings, "\n")
	if r.warned[x.RuleID] == all {
		return slog.LevelDebug
	}
	r.warned[x.RuleID] = all
	return slog.LevelWarn
}
