package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"tocsin/internal/diag/failure"
	"tocsin/internal/ledger"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/run/service"
	"tocsin/internal/scheduler"
)

// once runs one slot of every rule and writes the account, also after an interruption.
func (r *runner) once(ctx context.Context) error {
	if err := r.keepAccount(ctx); err != nil {
		return err
	}
	executions, err := r.round(ctx)
	var d digest
	for _, x := range executions {
		r.logOnce(ctx, x, &d)
	}
	d.tell(ctx, r.global.log)
	if err := r.account(executions); err != nil {
		return err
	}
	switch left := len(r.rules) - len(executions); {
	case ctx.Err() != nil && left > 0:
		return fmt.Errorf("run: interrupted: %s not run", were(left, "rule"))
	case err != nil:
		return fmt.Errorf("run: %w", err)
	}
	return r.outcome(ctx, executions)
}

// keepAccount makes the rounds record slots that lie on their rule's grid: a time given with --at
// need not be a slot.
func (r *runner) keepAccount(ctx context.Context) error {
	r.rounds.Gather = onceGather
	if !r.cmd.Ledger {
		return nil
	}
	known := byID(r.rules)
	early := map[string]bool{} // rules whose slot has not settled yet, so that it cannot count as covered
	begins := map[time.Duration][]ledger.Grid{}
	passed := r.clock.Passed()
	for _, one := range r.rules {
		wait := r.settled.Of(one.Patterns())
		begins[wait] = append(begins[wait], one.Grid())
		early[one.ID()] = !r.cmd.At.IsZero() && !r.settled.Settled(one.Patterns(), r.cmd.At.Time)
	}
	fence, err := r.backend.fence(ctx)
	if err != nil {
		return err
	}
	r.rounds.Recorder = &service.Recorder{
		Ledger: r.ledger, Now: r.clock.Passed, Log: r.global.log, Fence: fence, Rules: known, Events: r.backend.events,
		Wants: func(x pipeline.Execution) bool {
			return !early[x.RuleID] && known[x.RuleID].Slots.Prev(x.Slot).Equal(x.Slot)
		},
	}
	if r.cmd.At.IsZero() { // the ledger counts open slots from here on
		for wait, grids := range begins {
			if _, err := r.ledger.Begin(ctx, grids, passed.Add(-wait)); err != nil {
				return fmt.Errorf("run: %w", err)
			}
		}
	}
	return nil
}

// jobs returns one scheduler job for each rule; done receives each execution.
func (r *runner) jobs(done func(pipeline.Execution)) []scheduler.Job {
	jobs := make([]scheduler.Job, len(r.rules))
	for i, one := range r.rules {
		jobs[i] = scheduler.Job{ID: one.ID(), Slots: one.Slots, Timeout: r.cmd.RuleTimeout, Run: func(ctx context.Context, slot time.Time) {
			done(r.rounds.Run(ctx, pipeline.Job{Plan: one.Plan, Slot: slot, Window: one.Window(slot), Manual: !r.cmd.At.IsZero()}))
		}}
	}
	return jobs
}

// round runs the rules and returns their executions in the order of the rules.
func (r *runner) round(ctx context.Context) ([]pipeline.Execution, error) {
	var mu sync.Mutex
	var executions []pipeline.Execution
	bar := r.bars.add("rules", int64(len(r.rules)))
	defer bar.finish()
	jobs := r.jobs(func(x pipeline.Execution) {
		mu.Lock()
		defer mu.Unlock()
		executions = append(executions, x)
		bar.step()
	})
	known := byID(r.rules)
	var crashes []error
	s := scheduler.New(jobs, scheduler.Options{
		Concurrency: len(jobs), Grace: r.cmd.Grace,
		Hooks: scheduler.Hooks{Ended: func(id string, _ time.Time, _ time.Duration, err error) {
			if err != nil {
				crashes = append(crashes, fmt.Errorf("rule %s: %w", id, err))
			}
		}},
	})
	err := s.RunOnce(ctx, func(j scheduler.Job) time.Time {
		if !r.cmd.At.IsZero() {
			return r.cmd.At.Time
		}
		return r.settled.Latest(known[j.ID].Patterns(), j.Slots)
	})
	place := make(map[string]int, len(r.rules))
	for i, one := range r.rules {
		place[one.ID()] = i
	}
	slices.SortFunc(executions, func(a, b pipeline.Execution) int { return place[a.RuleID] - place[b.RuleID] })
	return executions, errors.Join(append(crashes, err)...)
}

// fewRules is how many rules have a line each; of more, those that found nothing are only counted.
const fewRules = 20

// account writes one line per execution. For people, those of many rules that found nothing share one.
func (r *runner) account(executions []pipeline.Execution) error {
	if r.global.Format != "text" {
		return writeJSON(r.out, r.global.Format, executions)
	}
	quiet := 0
	if len(executions) > fewRules {
		all := len(executions)
		executions = slices.DeleteFunc(slices.Clone(executions), func(x pipeline.Execution) bool {
			return x.Status == pipeline.Succeeded && x.Hits == 0 && x.Risk == pipeline.RiskCount{}
		})
		quiet = all - len(executions)
	}
	// Few rules suppress or make risk events: the others need no column for it.
	columns := []struct {
		name string
		of   func(pipeline.Execution) any
		rare bool
	}{
		{"RULE", func(x pipeline.Execution) any { return x.RuleName }, false},
		{"STATUS", func(x pipeline.Execution) any { return strings.ReplaceAll(string(x.Status), "_", " ") }, false},
		{"HITS", func(x pipeline.Execution) any { return x.Hits }, false},
		{"CREATED", func(x pipeline.Execution) any { return x.Created }, false},
		{"DUPLICATES", func(x pipeline.Execution) any { return x.Duplicates }, false},
		{"SUPPRESSED", func(x pipeline.Execution) any { return x.Suppressed }, true},
		{"RISK EVENTS", func(x pipeline.Execution) any { return x.Risk.Created }, true},
		{"RISK DUPLICATES", func(x pipeline.Execution) any { return x.Risk.Duplicates }, true},
		{"WINDOW", func(x pipeline.Execution) any { return x.Window }, false},
	}
	var head []string
	var cells []func(pipeline.Execution) any
	for _, c := range columns {
		if !c.rare || slices.ContainsFunc(executions, func(x pipeline.Execution) bool { return c.of(x) != 0 }) {
			head, cells = append(head, c.name), append(cells, c.of)
		}
	}
	t := newTable(r.out, head...)
	for _, x := range executions {
		row := make([]any, len(cells))
		for i, cell := range cells {
			row[i] = cell(x)
		}
		t.row(row...)
	}
	if err := t.flush(); err != nil || quiet == 0 {
		return err
	}
	_, err := fmt.Fprintf(r.out, "%s succeeded and found nothing\n", count(quiet, "rule"))
	return wrapWrite(err)
}

// outcome returns the error of the command for its executions. That Elasticsearch cannot be reached outweighs the
// failure of rules; a failed request alone does not count as unreachable while Elasticsearch answers.
func (r *runner) outcome(ctx context.Context, executions []pipeline.Execution) error {
	var result error
	asked := false
	for _, x := range executions {
		if x.Status == pipeline.Succeeded {
			continue
		}
		result = errFailed
		switch kind := failure.KindOf(x.Err); {
		case kind == failure.Refused:
			return fmt.Errorf("rule %s: %w", x.RuleID, x.Err)
		case kind == failure.Unavailable && !asked:
			asked = true
			if err := r.backend.ready(ctx); err != nil {
				return err
			}
		}
	}
	return result
}
