package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/ledger"
	"tocsin/internal/ledger/catchup"
	"tocsin/internal/ledger/coverage"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/run/service"
	"tocsin/internal/search"
	"tocsin/internal/search/planner"
)

// coverageFillCmd runs or waives open slots.
type coverageFillCmd struct {
	timeRange

	Waive       string        `help:"Run nothing. Record the open slots as given up, for this reason." placeholder:"REASON"`
	Concurrency int           `help:"Maximum number of rules that run at the same time." default:"4"`
	RuleTimeout time.Duration `help:"Timeout of one execution of a rule." default:"5m"`
}

// Run is the subcommand.
func (c *coverageFillCmd) Run(ctx context.Context, a *app) error {
	if c.Concurrency < 1 || c.RuleTimeout <= 0 {
		return usagef("--concurrency and --rule-timeout must be positive")
	}
	if err := a.global.formatOneOf("text", "json", "ndjson"); err != nil {
		return err
	}
	b, rules, waits, _, err := c.ledgerOf(ctx, a, a.openAlerts)
	if err != nil {
		return err
	}
	if len(a.global.Events) > 0 {
		err = a.openEvents(ctx, b)
	}
	defer func() { _ = b.close() }()
	if err != nil {
		return err
	}
	if b.events == nil && c.Waive == "" {
		return usagef("the source of events is missing: give --events FILE with --store DIR")
	}
	return c.fill(ctx, a, b, rules, waits)
}

func (c *coverageFillCmd) fill(ctx context.Context, a *app, b *backend, rules []*service.Rule, waits map[string]time.Duration) error {
	settled := a.settling(b, nil)
	settled.compare(ctx)
	settled.learn(ctx, patternsOf(rules, (*service.Rule).Patterns))
	o, err := c.options(a.clock.Passed())
	if err != nil {
		return err
	}
	book := &ledger.Ledger{Store: b.ledger, Parse: service.ParseSchedule}
	owed, err := c.owed(ctx, book, asked(rules, waits), o)
	if err != nil {
		return err
	}
	fence, err := b.fence(ctx)
	if err != nil {
		return err
	}
	if c.Waive != "" {
		n, err := book.Waive(ctx, owed, fence, c.Waive)
		if err != nil {
			return fmt.Errorf("waive: %w", err)
		}
		_, err = fmt.Fprintf(a.err, "%s waived\n", were(n, "slot"))
		return wrapWrite(err)
	}
	known := byID(rules)
	owed = slices.DeleteFunc(owed, func(o ledger.Owed) bool { return !settled.Settled(known[o.RuleID].Patterns(), o.Entry.Slot) })
	if err := b.install(ctx); err != nil {
		return err
	}
	notices, err := a.notifier(ctx, b)
	if err != nil {
		return err
	}
	if err := a.nameMisfits(ctx, b); err != nil {
		return err
	}
	r := &runner{
		app: a, cmd: &runCmd{Concurrency: c.Concurrency, Strategy: string(planner.Auto), NotifyAge: defaultNotifyAge}, backend: b, rules: rules, ledger: book,
		notices: notices,
	}
	if r.enrich, err = a.openEnrichment(ctx, b, nil); err != nil {
		return err
	}
	b.visibleAtOnce()
	round := r.newRound(c.Concurrency)
	round.Observe = nil
	round.Recorder = &service.Recorder{Ledger: book, Now: a.clock.Passed, Log: a.global.log, Fence: fence, Rules: known, Events: b.events}
	sent := notices.begin(ctx, a.clock.Passed, 0, nil)
	return errors.Join(c.run(ctx, r, round, owed), sent.drain(ctx, drainGrace))
}

// owed returns the open slots, the same ones that coverage gaps lists.
func (c *coverageFillCmd) owed(ctx context.Context, book *ledger.Ledger, rules []coverage.Rule, o coverage.Options) ([]ledger.Owed, error) {
	rows, err := coverage.Read(ctx, book.Store, rules, o)
	if err != nil {
		return nil, fmt.Errorf("fill: %w", err)
	}
	var owed []ledger.Owed
	for _, r := range rows {
		owed = append(owed, r.Owed...)
	}
	for i := range owed {
		owed[i].Entry.Ended = time.Time{} // an explicit request does not wait for the backoff
	}
	return owed, nil
}

func byID(rules []*service.Rule) map[string]*service.Rule {
	out := make(map[string]*service.Rule, len(rules))
	for _, one := range rules {
		out[one.ID()] = one
	}
	return out
}

// fillRound is the largest number of runs in one round.
const fillRound = 32

// run runs the slots, newest first, until each was tried once.
func (c *coverageFillCmd) run(ctx context.Context, r *runner, round *pipeline.Round, owed []ledger.Owed) error {
	rules, known := map[string]catchup.Rule{}, byID(r.rules)
	for _, one := range r.rules {
		rules[one.ID()] = one.CatchUp()
	}
	bar := r.bars.add("slots", int64(len(owed)))
	defer bar.finish()
	covered, failed := 0, 0
	for len(owed) > 0 && ctx.Err() == nil {
		tasks := catchup.Plan(owed, rules, r.clock.Passed(), catchup.Options{})
		tasks = tasks[:min(len(tasks), fillRound)]
		jobs := make([]pipeline.Job, len(tasks))
		tried := map[string]bool{}
		for i, t := range tasks {
			jobs[i] = pipeline.Job{Plan: known[t.RuleID].Plan, Slot: t.Slot(), Window: t.Window, Attempts: int(t.Attempts)}
			if len(t.Slots) > 1 {
				jobs[i].Covers = t.Slots
			}
			if t.Drains {
				jobs[i].MaxAlerts = service.Drained
			}
			for _, slot := range t.Slots {
				tried[t.RuleID+" "+slot.String()] = true
			}
		}
		if b := r.backend; b.calm != nil {
			if err := b.calm(ctx); err != nil {
				break
			}
		}
		limited, cancel := context.WithTimeout(search.Background(ctx), c.RuleTimeout)
		for _, x := range round.RunAll(limited, jobs, nil) {
			n := max(1, len(x.Covers))
			if x.Status == pipeline.Succeeded {
				covered += n
			} else {
				failed += n
				r.global.log.Error("slot is still open", "rule_id", x.RuleID, "slot", x.Slot, "error", x.Problem())
			}
			for range n {
				bar.step()
			}
		}
		cancel()
		owed = slices.DeleteFunc(owed, func(o ledger.Owed) bool { return tried[o.RuleID+" "+o.Entry.Slot.String()] })
	}
	bar.finish()
	if ctx.Err() != nil {
		return errors.New("fill: interrupted: " + were(len(owed), "slot") + " not run")
	}
	if _, err := fmt.Fprintf(r.err, "%s covered, %d still open\n", were(covered, "slot"), failed); err != nil {
		return wrapWrite(err)
	}
	if failed > 0 {
		return errFailed
	}
	return nil
}
