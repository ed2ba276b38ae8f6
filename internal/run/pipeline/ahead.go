package pipeline

import (
	"context"

	"tocsin/internal/diag/trace"
	"tocsin/internal/search"
	"tocsin/internal/search/batch"
	"tocsin/internal/search/planner"
)

// ReadAhead reads the events that jobs search for together, and keeps the hits for jobs over parts of their
// windows ([Job.Ahead]), so that many consecutive slots of a rule read events once. Hits that do not fit, and
// searches that fail, are left to the run of each slot. ReadAhead writes nothing and accounts for nothing.
func (r *Round) ReadAhead(ctx context.Context, jobs []Job) *batch.Ahead {
	tickets := make([]*ticket, len(jobs))
	for i, job := range jobs {
		tickets[i] = &ticket{ctx: ctx, job: job}
	}
	events := r.prepare(ctx, trace.Span{}, tickets) // the executions do not end: they have no spans
	var needs []planner.Need
	var requests []search.Request
	for _, n := range reads(tickets) {
		n.ScanOnly = false // the searches of the slots will be made
		needs, requests = append(needs, n), append(requests, n.Request)
	}
	answers, _ := r.tracedAnswer(ctx, "read ahead", events, needs)
	return batch.NewAhead(ctx, answers, requests)
}
