package pipeline

import (
	"context"
	"errors"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/diag/trace"
	"tocsin/internal/search"
	"tocsin/internal/search/batch"
	"tocsin/internal/search/planner"
)

// errFailed ends the span of an execution whose failure is no error of its own.
var errFailed = errors.New("the execution did not succeed")

// traced begins the span of an execution, below the one of its round.
func (t *ticket) traced(round trace.Span) {
	if !round.On() {
		return
	}
	t.ctx, t.span = trace.Start(round.Below(t.ctx), "rule")
	x := t.execution
	t.span.Set(
		trace.String("tocsin.rule.id", x.RuleID), trace.String("tocsin.rule.name", x.RuleName), trace.String("tocsin.execution.id", x.ID),
		trace.String("tocsin.slot", x.Slot.UTC().Format(time.RFC3339)), trace.String("tocsin.window", x.Window.String()),
		trace.Int("tocsin.slots", max(1, len(x.Covers))), trace.Int("tocsin.attempts", x.Attempts),
	)
}

// endSpan ends the span of an execution that has ended.
func (t *ticket) endSpan() {
	if !t.span.On() {
		return
	}
	x := t.result
	t.span.Set(
		trace.String("tocsin.status", string(x.Status)), trace.Int64("tocsin.documents", x.Read), trace.Int64("tocsin.hits", x.Hits), trace.Int64("tocsin.hits.left", x.Left),
		trace.Int("tocsin.alerts.created", x.Created), trace.Int("tocsin.alerts.duplicate", x.Duplicates), trace.Int("tocsin.alerts.suppressed", x.Suppressed),
		trace.Int("tocsin.alerts.failed", x.Failed), trace.Int("tocsin.risk_events.created", x.Risk.Created),
	)
	err := x.Err
	if err == nil && x.Status != Succeeded {
		err = errFailed
	}
	t.span.End(err)
}

// tracedAnswer answers searches within a span.
func (r *Round) tracedAnswer(ctx context.Context, name string, events search.Events, needs []planner.Need) (*batch.Answers, planner.Round) {
	ctx, span := trace.Start(ctx, name)
	defer span.End(trace.ErrCrashed)
	answers, made := r.Planner.Answer(ctx, events, needs)
	if span.On() {
		span.Set(trace.Int("tocsin.searches", made.Requests), trace.Int("tocsin.searches.scanned", made.Scan.Answered), trace.Int64("tocsin.events", made.Scan.Events), trace.String("tocsin.plan", made.String()))
	}
	span.End(made.Err)
	return answers, made
}

// tracedWrite runs a write of documents within a span.
func tracedWrite(ctx context.Context, name string, docs []alert.Document, write func(context.Context, []alert.Document) ([]alert.Written, error)) ([]alert.Written, error) {
	ctx, span := trace.Start(ctx, name)
	defer span.End(trace.ErrCrashed)
	out, err := write(ctx, docs)
	if span.On() {
		count := map[alert.Outcome]int{}
		for _, w := range out {
			count[w.Outcome]++
		}
		span.Set(
			trace.Int("tocsin.documents", len(docs)), trace.Int("tocsin.written", count[alert.Created]+count[alert.Replaced]),
			trace.Int("tocsin.duplicate", count[alert.Duplicate]), trace.Int("tocsin.failed", count[alert.Failed]),
		)
	}
	span.End(err)
	return out, err
}
