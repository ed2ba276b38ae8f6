package main

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"tocsin/internal/pipeline"
)

// log accounts for an execution in metrics and log.
func (r *runner) log(ctx context.Context, x pipeline.Execution) {
	r.metrics.Execution(x)
	r.writing.observe(x)
	log := r.global.log.With("rule_id", x.RuleID, "execution_id", x.ID, "window", x.Window.String())
	fresh := r.warnings.fresh(x.RuleID, x.Warnings)
	for i, w := range x.Warnings {
		level := slog.LevelDebug
		if fresh[i] {
			level = slog.LevelWarn
		}
		log.Log(ctx, level, "execution warning", "warning", w)
	}
	log.LogAttrs(ctx, levelOf(x), "executed", attributes(x)...)
}

// levelOf keeps executions that found nothing new out of the log.
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
	out = append(out, slog.String("took", x.Took.Round(time.Millisecond).String()))
	if problem := x.Problem(); problem != "" {
		out = append(out, slog.String("error", problem))
	}
	return out
}

// warnings remembers those of each rule's last execution, so that a lasting state of affairs is not
// repeated at every slot. That no index matches is said once for all rules with the same patterns.
type warnings struct {
	mu   sync.Mutex
	last map[string][]string
	// vacant are the warnings of patterns that mean no index, with the rule that was first to have each.
	vacant map[string]string
}

// fresh tells which warnings neither the rule's last execution had nor, of patterns, that of another rule.
func (w *warnings) fresh(ruleID string, now []string) []bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]bool, len(now))
	for i, text := range now {
		out[i] = !slices.Contains(w.last[ruleID], text)
		if pipeline.OfPatterns(text) {
			out[i] = out[i] && cmp.Or(w.vacant[text], ruleID) == ruleID
			if w.vacant == nil {
				w.vacant = map[string]string{}
			}
			w.vacant[text] = cmp.Or(w.vacant[text], ruleID)
		}
	}
	if w.last == nil {
		w.last = map[string][]string{}
	}
	w.last[ruleID] = now
	return out
}
