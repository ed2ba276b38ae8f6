package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"tocsin/internal/failure"
	"tocsin/internal/pipeline"
	"tocsin/internal/scheduler"
)

// once runs every rule's slot and writes the account of it.
func (r *runner) once(ctx context.Context, rules planned) error {
	var mu sync.Mutex
	var executions []pipeline.Execution
	bar := newProgress(r.err, "rules", len(rules.plans))
	jobs := make([]scheduler.Job, len(rules.plans))
	for i, plan := range rules.plans {
		job, err := r.job(plan, func(x pipeline.Execution) {
			mu.Lock()
			defer mu.Unlock()
			executions = append(executions, x)
			bar.step()
		})
		if err != nil {
			return err
		}
		jobs[i] = job
	}
	now := time.Now()
	s := scheduler.New(jobs, scheduler.Options{Concurrency: r.cmd.Concurrency, Grace: r.cmd.Grace})
	err := s.RunOnce(ctx, func(j scheduler.Job) time.Time {
		if !r.cmd.At.IsZero() {
			return r.cmd.At
		}
		return j.Slots.Prev(now)
	})
	bar.finish()
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	order := map[string]int{}
	for i, plan := range rules.plans {
		order[plan.Rule().ID] = i
	}
	slices.SortFunc(executions, func(a, b pipeline.Execution) int { return order[a.RuleID] - order[b.RuleID] })
	for _, x := range executions {
		r.log(x)
	}
	if err := r.account(executions); err != nil {
		return err
	}
	return outcome(executions)
}

// account writes one line per execution.
func (r *runner) account(executions []pipeline.Execution) error {
	if r.global.Format != "text" {
		return writeJSON(r.out, r.global.Format, executions)
	}
	t := newTable(r.out, "RULE", "STATUS", "HITS", "CREATED", "DUPLICATES", "WINDOW")
	for _, x := range executions {
		t.row(x.RuleName, strings.ReplaceAll(string(x.Status), "_", " "), x.Hits, x.Created, x.Duplicates, x.Window)
	}
	return t.flush()
}

// outcome is the error that the executions leave behind: an unreachable Elasticsearch outweighs
// the failure of rules.
func outcome(executions []pipeline.Execution) error {
	var result error
	for _, x := range executions {
		if x.Status == pipeline.Succeeded {
			continue
		}
		result = errFailed
		if kind := failure.KindOf(x.Err); kind == failure.Unavailable || kind == failure.Refused {
			return fmt.Errorf("rule %s: %w", x.RuleID, x.Err)
		}
	}
	return result
}
