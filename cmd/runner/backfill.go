package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
	"tocsin/internal/ledger"
	"tocsin/internal/query"
	"tocsin/internal/run/backfill"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/search"
	"tocsin/internal/search/planner"
	"tocsin/internal/search/tables"
)

// backfillCmd runs rules over the past as jobs, and lists the jobs.
type backfillCmd struct {
	Run  backfillRunCmd  `cmd:"" default:"withargs" help:"Run rules over the slots in [from, to), or resume a job."`
	List backfillListCmd `cmd:"" help:"List jobs with their progress."`
}

type backfillRunCmd struct {
	traceFlags

	From            moment        `help:"Start of the time range; its slots are run." placeholder:"T"`
	To              moment        `help:"End of the time range; a slot at this time is not run." placeholder:"T"`
	Rule            []string      `help:"Only this rule (rule_id or name). May be repeated. A disabled rule runs if it is named." placeholder:"ID" sep:"none"`
	Job             string        `help:"Name of the job (default: made from rules, time range, namespace and the settings that decide what is found). Without --from and --to: resume this job." placeholder:"NAME"`
	Cancel          string        `help:"Cancel the job with this name, wherever it runs." placeholder:"JOB"`
	DryRun          bool          `help:"Count hits and write nothing."`
	Diff            bool          `help:"Compare the alerts that the job would create with the existing alerts of these slots, and write nothing."`
	AlertsNamespace string        `help:"Namespace of this job's alerts, instead of --namespace." placeholder:"NAME"`
	Stretch         time.Duration `help:"Length of the part of the time range in which all rules run before the next part. It must divide a day." default:"6h"`
	SlotBySlot      bool          `help:"Run each slot on its own, even where several slots could be run together."`
	Pause           time.Duration `help:"Pause between rounds, to reduce the load on the cluster." default:"0s"`
	Concurrency     int           `help:"Maximum number of rules that run at the same time." default:"8"`
	RoundTimeout    time.Duration `help:"Timeout of one round of rules." default:"30m"`
	Grace           time.Duration `help:"How long a running round may take to finish when the command is stopped." default:"20s"`
	Strategy        string        `help:"How rules find their hits: scan (one read of the events for all rules), search (one search for each rule) or auto (whichever is cheaper)." enum:"auto,scan,search" default:"auto"`

	// watch, if not nil, is called with the progress of the job.
	watch func(backfill.Progress)
}

// day is the duration that --stretch must divide.
const day = 24 * time.Hour

// check returns a usage error for flag values that are invalid or do not go together.
func (c *backfillRunCmd) check(a *app, now time.Time) error {
	switch {
	case c.Job != "" && backfill.CheckName(c.Job) != nil:
		return usagef("--job: %w", backfill.CheckName(c.Job))
	case c.From.IsZero() != c.To.IsZero(), c.From.IsZero() && c.Job == "":
		return usagef("the time range is missing: give --from T and --to T, or --job NAME to resume a job")
	case c.From.IsZero() && len(c.Rule) > 0:
		return usagef("--rule needs --from and --to: a job that is resumed keeps its rules")
	case !c.From.IsZero() && !c.From.Before(c.To.Time):
		return usagef("--from must be before --to")
	case c.To.After(now):
		return usagef("--to must not be in the future")
	case c.Stretch < time.Second || day%c.Stretch != 0:
		return usagef("--stretch %s does not divide a day", c.Stretch)
	case c.DryRun && c.Diff:
		return usagef("--dry-run and --diff exclude each other: --diff is already a dry run")
	case c.Concurrency < 1:
		return usagef("--concurrency must be at least 1")
	case c.RoundTimeout <= 0:
		return usagef("--round-timeout must be positive")
	case c.Pause < 0, c.Grace < 0:
		return usagef("--pause and --grace must not be negative")
	}
	return a.global.formatOneOf("text", "json", "ndjson")
}

// writes reports whether the command writes anything.
func (c *backfillRunCmd) writes() bool { return !c.DryRun && !c.Diff }

// Run is the subcommand.
func (c *backfillRunCmd) Run(ctx context.Context, a *app) error {
	if c.Cancel != "" {
		return c.cancel(ctx, a)
	}
	if err := c.check(a, time.Now()); err != nil {
		return err
	}
	a.global.riskNamespace = c.AlertsNamespace
	plans, complaint, err := c.plans(ctx, a)
	if err != nil {
		return err
	}
	if len(plans) == 0 && !c.From.IsZero() {
		return nil // the user disabled all rules
	}
	ctx, traces, err := c.begin(ctx, a)
	if err != nil {
		return err
	}
	defer traces.Stop(ctx)
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	p, err := a.backfillPlaces(b, c.AlertsNamespace)
	if err != nil {
		return err
	}
	if c.writes() {
		if err := install(ctx, b, plans); err != nil {
			return err
		}
		if err := a.nameMisfits(ctx, b); err != nil {
			return err
		}
	}
	if c.writes() && c.AlertsNamespace == "" { // alerts in another namespace are a trial: nobody is notified
		if p.notices, err = a.notifier(ctx, b); err != nil {
			return err
		}
	}
	rules, job, err := c.job(ctx, p, plans)
	if err != nil {
		return err
	}
	if err := c.run(ctx, a, p, rules, job); err != nil {
		return err
	}
	if complaint != nil {
		return complaint
	}
	return b.incomplete
}

func (c *backfillRunCmd) cancel(ctx context.Context, a *app) error {
	b, err := a.openAlerts(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	p, err := a.backfillPlaces(b, "")
	if err != nil {
		return err
	}
	return jobError(backfill.Jobs{Store: p.ledger}.Cancel(ctx, c.Cancel))
}

// plans returns the plans of the selected rules. The complaint is about rules that cannot run; the others still
// run.
func (c *backfillRunCmd) plans(ctx context.Context, a *app) (plans []query.Plan, complaint, err error) {
	rules, complaint := a.global.planRules(ctx, a.global.Rules)
	if complaint == nil && rules.failed && len(c.Rule) == 0 {
		complaint = errFailed
	}
	if len(c.Rule) == 0 && c.Job == "" || len(c.Rule) == 0 && !c.From.IsZero() {
		if err := a.showBriefly(rules.problems()); err != nil {
			return nil, nil, err
		}
		if len(rules.plans) == 0 {
			return nil, nil, nothingToRun(rules, complaint)
		}
		return rules.plans, complaint, nil
	}
	all := slices.Concat(rules.plans, rules.idle)
	if len(c.Rule) == 0 { // the job knows which
		return all, nil, nil
	}
	for _, ref := range c.Rule {
		i := slices.IndexFunc(all, func(p query.Plan) bool { return p.Rule().ID == ref || p.Rule().Name == ref })
		if i < 0 {
			plan, list, err := a.global.findPlan(ctx, ref)
			if err := errors.Join(err, a.show(list)); err != nil {
				return nil, nil, err
			}
			if plan == nil { // the diagnostics say why
				return nil, nil, errFailed
			}
			all, i = append(all, plan), len(all)
		}
		if !slices.Contains(plans, all[i]) {
			plans = append(plans, all[i])
		}
	}
	return plans, nil, nil
}

// job returns the job that the flags describe, or the job that the ledger has under the name in --job.
func (c *backfillRunCmd) job(ctx context.Context, p *backfillPlaces, plans []query.Plan) ([]backfill.Rule, backfill.Job, error) {
	from, to := c.From.Time, c.To.Time
	if from.IsZero() {
		known, err := backfill.Jobs{Store: p.ledger}.Get(ctx, c.Job)
		if err != nil {
			return nil, known, jobError(err)
		}
		from, to = known.From, known.To
		plans = slices.DeleteFunc(plans, func(p query.Plan) bool {
			return !slices.ContainsFunc(known.Rules, func(n backfill.Named) bool { return n.ID == p.Rule().ID })
		})
	}
	var rules []backfill.Rule
	for _, plan := range plans {
		r, err := backfill.NewRule(plan, c.SlotBySlot)
		if err != nil {
			return nil, backfill.Job{}, err //nolint:wrapcheck // it names the rule
		}
		rules = append(rules, r)
	}
	settings, err := p.settings(ctx, plans)
	if err != nil {
		return nil, backfill.Job{}, err
	}
	job := backfill.NewJob(rules, from, to, p.target, settings)
	if c.Job != "" {
		job.ID = c.Job
	}
	return rules, job, nil
}

// run runs the job and writes its account, also after an interruption.
func (c *backfillRunCmd) run(ctx context.Context, a *app, p *backfillPlaces, rules []backfill.Rule, job backfill.Job) error {
	var preview *backfill.Preview
	indexer, instances, slots, known := alert.Indexer(p.alerts), alert.Instances(p.alerts), p.ledger, p.backend.series
	if !c.writes() {
		preview = &backfill.Preview{Lookup: p.alerts, History: p.alerts}
		if c.Diff {
			preview.Anew = job.From
		}
		indexer, instances, slots, known = preview, preview, ledger.NewMemory(), p.backend.previewSeries
	}
	risk := *p.risk
	if !c.writes() {
		risk.Indexer = store.NewMemory()
		p.tables = tables.Dry(p.tables)
	}
	enrich, err := a.openEnrichment(ctx, p.backend, nil)
	if err != nil {
		return err
	}
	settled := a.settling(p.backend, nil)
	settled.compare(ctx)
	settled.learn(ctx, patternsOf(rules, func(r backfill.Rule) []string { return r.Plan.Rule().Reads() }))
	show := newBackfillProgress(a, job)
	runner := &backfill.Runner{
		Jobs: backfill.Jobs{Store: slots},
		Rounds: &pipeline.Round{
			Pipeline: &pipeline.Pipeline{
				Events: p.events, Alerts: indexer, Instances: instances, Risk: &risk, Options: a.alertOptions(p.backend), Enrich: enrich.add(), Series: known, Tables: p.tables,
				Telling: p.notices.telling(0, "backfill/"+job.ID),
			},
			Planner: &planner.Planner{Pin: planner.Strategy(c.Strategy)}, Concurrency: c.Concurrency, Observe: show.observe,
		},
		Options: backfill.Options{
			Stretch: c.Stretch, Pause: c.Pause, Grace: c.Grace, Timeout: c.RoundTimeout, Retry: time.Second, Ready: p.ready, Now: time.Now, Gate: p.calm, Settled: settled.Settled,
			Report: c.report(show), Executed: show.executed,
		},
	}
	sent := p.notices.begin(ctx, time.Now, 0, nil)
	result, err := runner.Run(search.Background(ctx), job, rules) // live rules have priority
	if err == nil {
		err = p.notices.release(ctx, "backfill/"+job.ID)
	}
	if drainErr := sent.drain(ctx, c.Grace); err == nil {
		err = drainErr
	}
	show.finish(ctx)
	if len(result.Accounts) == 0 { // the job did not start
		return jobError(err)
	}
	if c.writes() && (err == nil || backfill.Interrupted(err)) {
		if late := p.settle(context.WithoutCancel(ctx)); late != nil { // they become visible with the next refresh
			a.global.log.Debug("alerts were not made visible at once", "error", late)
		}
	}
	if tellErr := c.tell(ctx, a, p, preview, job, result); err == nil {
		err = tellErr
	}
	if n := result.Unsettled(); n > 0 {
		a.global.log.Warn("slots ran before all their events were visible and do not count as covered: repeat the command later to run them again", "slots", n)
	}
	switch left := result.Left(); {
	case backfill.Interrupted(err) && ctx.Err() != nil:
		return fmt.Errorf("backfill: interrupted, %d of %d slots are left%s", left, job.Slots, c.resume(job))
	case err != nil && c.writes() && !errors.Is(err, backfill.ErrTaken):
		return fmt.Errorf("%w%s", err, c.resume(job))
	case err != nil:
		return err
	case left > result.Unsettled():
		return errFailed
	}
	return nil
}

// report returns what is called with the progress of a job.
func (c *backfillRunCmd) report(show *backfillProgress) func(backfill.Progress) {
	return func(now backfill.Progress) {
		show.report(now)
		if c.watch != nil {
			c.watch(now)
		}
	}
}

// resume returns the advice how to resume a job, to be appended to an error.
func (c *backfillRunCmd) resume(job backfill.Job) string {
	if !c.writes() {
		return ""
	}
	return "; to resume it, repeat the command or run: runner backfill --job " + job.ID
}

// jobError returns errors about an unknown or different job as usage errors.
func jobError(err error) error {
	if errors.Is(err, backfill.ErrUnknown) || errors.Is(err, backfill.ErrOther) {
		return usageError{err}
	}
	return err
}
