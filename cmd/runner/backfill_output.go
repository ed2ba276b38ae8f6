package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8/decor"

	"tocsin/internal/run/backfill"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/search/planner"
)

// tell writes the account of a job in the format of the command.
func (c *backfillRunCmd) tell(ctx context.Context, a *app, p *backfillPlaces, preview *backfill.Preview, job backfill.Job, result backfill.Result) error {
	if c.Diff {
		counts, changes, err := preview.Diff(context.WithoutCancel(ctx), p.alerts, job)
		if err != nil {
			return err //nolint:wrapcheck // it says what it was doing
		}
		if a.global.Format != "text" {
			return writeJSON(a.out, a.global.Format, changes)
		}
		return tellDiff(a, result, counts)
	}
	if a.global.Format != "text" {
		return writeJSON(a.out, a.global.Format, accounts(job, result, preview))
	}
	if c.DryRun {
		t := newTable(a.out, "RULE", "SLOTS", "LEFT", "DOCUMENTS", "HITS", "NEW", "EXISTING")
		counts := preview.Counts()
		for _, r := range result.Accounts {
			t.row(r.Name, r.Slots, r.Left(), r.Read, r.Hits, counts[r.RuleID].New, counts[r.RuleID].Same)
		}
		return t.flush()
	}
	t := newTable(a.out, "RULE", "SLOTS", "BEFORE", "COVERED", "LEFT", "RUNS", "HITS", "CREATED", "DUPLICATES", "SUPPRESSED")
	for _, r := range result.Accounts {
		t.row(r.Name, r.Slots, r.Before, r.Covered, r.Left(), r.Runs, r.Hits, r.Created, r.Duplicates, r.Suppressed)
	}
	return t.flush()
}

func tellDiff(a *app, result backfill.Result, counts map[string]backfill.Counts) error {
	t := newTable(a.out, "RULE", "SLOTS", "LEFT", "NEW", "MISSING", "SAME")
	for _, r := range result.Accounts {
		n := counts[r.RuleID]
		t.row(r.Name, r.Slots, r.Left(), n.New, n.Missing, n.Same)
	}
	return t.flush()
}

// ruleAccount is the JSON form of the account of one rule.
type ruleAccount struct {
	Job        string `json:"job"`
	RuleID     string `json:"rule_id"`
	Name       string `json:"name"`
	Slots      int64  `json:"slots"`
	Before     int64  `json:"before"`
	Covered    int64  `json:"covered"`
	Left       int64  `json:"left"`
	Runs       int64  `json:"runs"`
	Documents  int64  `json:"documents"`
	Hits       int64  `json:"hits"`
	Created    int64  `json:"created"`
	Duplicates int64  `json:"duplicates"`
	Suppressed int64  `json:"suppressed"`
	// New and Existing are set in a dry run only, which creates nothing.
	New      *int64   `json:"new,omitempty"`
	Existing *int64   `json:"existing,omitempty"`
	Stopped  string   `json:"stopped,omitempty"`
	Problem  string   `json:"problem,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

func accounts(job backfill.Job, result backfill.Result, preview *backfill.Preview) []ruleAccount {
	out := []ruleAccount{}
	var counts map[string]backfill.Counts
	if preview != nil {
		counts = preview.Counts()
	}
	for _, r := range result.Accounts {
		one := ruleAccount{
			Job: job.ID, RuleID: r.RuleID, Name: r.Name, Slots: r.Slots, Before: r.Before, Covered: r.Covered, Left: r.Left(), Runs: r.Runs,
			Documents: r.Read, Hits: r.Hits, Created: r.Created, Duplicates: r.Duplicates, Suppressed: r.Suppressed,
			Stopped: r.Stopped, Problem: r.Problem, Warnings: r.Warnings,
		}
		if preview != nil {
			n := counts[r.RuleID]
			one.New, one.Existing = &n.New, &n.Same
			one.Created, one.Duplicates, one.Suppressed = 0, 0, 0
		}
		out = append(out, one)
	}
	return out
}

// backfillProgress shows the progress of a job: a bar on a terminal, a log line every logEvery
// elsewhere.
type backfillProgress struct {
	app   *app
	job   backfill.Job
	begun time.Time
	bar   bar

	mu       sync.Mutex
	progress backfill.Progress
	logged   time.Time
	warnings warnings
	digest   digest
}

// logEvery is the time between two progress lines in the log.
const logEvery = 10 * time.Second

func newBackfillProgress(a *app, job backfill.Job) *backfillProgress {
	p := &backfillProgress{app: a, job: job, begun: time.Now(), logged: time.Now(), progress: backfill.Progress{Remaining: -1}}
	a.global.log.Info("backfill", "job", job.ID, "rules", len(job.Rules), "slots", job.Slots, "from", job.From, "to", job.To)
	p.bar = a.bars.add("slots", job.Slots, decor.Any(func(decor.Statistics) string { return " " + p.pace() }))
	return p
}

// pace formats the speed of the job and the estimated remaining time.
func (p *backfillProgress) pace() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return pace(p.progress, time.Since(p.begun), time.Now())
}

func (p *backfillProgress) report(now backfill.Progress) {
	p.mu.Lock()
	p.progress = now
	p.mu.Unlock()
	p.bar.reach(now.Slots - now.Left())
	if p.bar.shown() || time.Since(p.logged) < logEvery {
		return
	}
	p.logged = time.Now()
	p.app.global.log.Info("backfill", "job", p.job.ID, "slots", now.Slots, "left", now.Left(), "at", now.At, "created", now.Created, "pace", p.pace())
}

// executed logs an execution: at error level if it failed, at debug level if it succeeded. What executions have in common
// is summed up at the end.
func (p *backfillProgress) executed(x pipeline.Execution) {
	log := p.app.global.log.With("rule_id", x.RuleID, "window", x.Window.String())
	fresh := p.warnings.fresh(x.RuleID, x.Warnings)
	for i, w := range x.Warnings {
		if fresh[i] && x.Left == 0 { // the job runs the slot again for hits beyond max_signals
			log.Log(context.Background(), p.digest.warning(x.RuleID, w), "execution warning", "warning", w)
		}
	}
	level := slog.LevelDebug
	if x.Status != pipeline.Succeeded && (x.Left == 0 || x.Err != nil || x.Failed > 0) {
		level = p.digest.failure(x)
	}
	log.LogAttrs(context.Background(), level, "executed", attributes(x)...)
}

func (p *backfillProgress) observe(round planner.Round) {
	if round.Err != nil {
		p.app.global.log.Warn("scan failed, each rule was searched on its own", "error", round.Err)
	} else {
		p.app.global.log.Debug("round", "requests", round.Requests, "scanned", round.Scan.Answered, "plan", round.String())
	}
}

func (p *backfillProgress) finish(ctx context.Context) {
	p.bar.finish()
	p.digest.tell(ctx, p.app.global.log)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.app.global.log.Info("backfill ended", "job", p.job.ID, "left", p.progress.Left()+p.progress.Passed, "rounds", p.progress.Rounds,
		"created", p.progress.Created, "took", time.Since(p.begun).Round(time.Millisecond))
}
