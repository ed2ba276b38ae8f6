package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"tocsin/internal/run/pipeline"
	"tocsin/internal/run/service"
)

// logOnce reports an execution of a round whose account is written in another way: what succeeded is not logged, and
// what rules have in common is summed up by the digest.
func (r *runner) logOnce(ctx context.Context, x pipeline.Execution, d *digest) {
	r.metrics.Execution(x)
	r.writing.observe(x)
	log := r.global.log.With("rule_id", x.RuleID, "execution_id", x.ID, "window", x.Window.String())
	for _, p := range r.warnings.unmet(x) {
		r.global.log.Log(ctx, d.pattern(x.RuleID, p), noIndexMessage, "pattern", p, "rule_id", x.RuleID)
	}
	for _, w := range x.Warnings {
		if !pipeline.OfPatterns(w) || len(x.Unmet) == 0 {
			log.Log(ctx, d.warning(x.RuleID, w), "execution warning", "warning", w)
		}
	}
	level := slog.LevelDebug
	if x.Status != pipeline.Succeeded && !interrupted(ctx, x) {
		level = d.failure(x)
	}
	log.LogAttrs(ctx, level, "executed", attributes(x)...)
}

const noIndexMessage = "no open index matches an index pattern of rules"

// interrupted reports whether an execution failed because the user interrupted the command, and knows.
func interrupted(ctx context.Context, x pipeline.Execution) bool {
	return ctx.Err() != nil && errors.Is(x.Err, context.Canceled)
}

// log reports an execution in metrics and log.
func (r *runner) log(ctx context.Context, x pipeline.Execution) {
	r.metrics.Execution(x)
	r.writing.observe(x)
	r.health.execution(x)
	log := r.global.log.With("rule_id", x.RuleID, "execution_id", x.ID, "window", x.Window.String())
	fresh := r.warnings.fresh(x.RuleID, x.Warnings)
	for _, p := range r.warnings.unmet(x) {
		r.global.log.WarnContext(ctx, noIndexMessage, "pattern", p, "rule_id", x.RuleID)
	}
	for i, w := range x.Warnings {
		level := slog.LevelDebug
		if fresh[i] && (!pipeline.OfPatterns(w) || len(x.Unmet) == 0) {
			level = slog.LevelWarn
		}
		log.Log(ctx, level, "execution warning", "warning", w)
	}
	log.LogAttrs(ctx, levelOf(x), "executed", attributes(x)...)
}

// levelOf returns the log level of an execution: executions that found nothing new are logged at debug level.
func levelOf(x pipeline.Execution) slog.Level {
	switch {
	case x.Status != pipeline.Succeeded:
		return slog.LevelError
	case x.Created+x.Risk.Created > 0:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

func attributes(x pipeline.Execution) []slog.Attr {
	out := []slog.Attr{
		slog.String("status", string(x.Status)), slog.Int64("hits", x.Hits), slog.Int("created", x.Created),
		slog.Int("duplicates", x.Duplicates),
	}
	for _, rare := range []slog.Attr{
		slog.Int("risk_created", x.Risk.Created), slog.Int("risk_duplicates", x.Risk.Duplicates), slog.Int("suppressed", x.Suppressed), slog.Int("failed", x.Failed), slog.Int("skipped", x.Skipped),
		slog.Int("event_aside", x.Aside), slog.Int("event_omitted", x.Omitted), slog.Int64("left", x.Left),
	} {
		if rare.Value.Int64() > 0 {
			out = append(out, rare)
		}
	}
	out = append(out, slog.Duration("took", x.Took.Round(time.Millisecond)))
	if problem := x.Problem(); problem != "" {
		out = append(out, slog.String("error", problem))
	}
	return out
}

// warnings remembers the warnings of each rule's last execution, so that the same warning is not
// repeated at every slot. That no index matches a pattern is logged once for all rules with the pattern.
type warnings struct {
	mu   sync.Mutex
	last map[string][]string
	// vacant holds the patterns that match no index and for which that was logged.
	vacant map[string]bool
}

// unmet returns the patterns that match no index and for which that was not logged yet.
func (w *warnings) unmet(x pipeline.Execution) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.vacant == nil {
		w.vacant = map[string]bool{}
	}
	for _, p := range x.Met() {
		delete(w.vacant, p)
	}
	var out []string
	for _, p := range x.Unmet {
		if !w.vacant[p] {
			out = append(out, p)
		}
		w.vacant[p] = true
	}
	return out
}

// fresh reports for each warning whether the rule's last execution did not have it.
func (w *warnings) fresh(ruleID string, now []string) []bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]bool, len(now))
	for i, text := range now {
		out[i] = !slices.Contains(w.last[ruleID], text)
	}
	if w.last == nil {
		w.last = map[string][]string{}
	}
	w.last[ruleID] = now
	return out
}

// keep forgets the warnings of rules that do not run any more.
func (w *warnings) keep(rules []*service.Rule) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known := byID(rules)
	for id := range w.last {
		if known[id] == nil {
			delete(w.last, id)
		}
	}
}
