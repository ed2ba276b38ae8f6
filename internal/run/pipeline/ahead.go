package pipeline

import (
	"context"

	"tocsin/internal/search"
	"tocsin/internal/search/batch"
	"tocsin/internal/search/planner"
)

// ReadAhead makes the searches of jobs together and keeps their hits for jobs over parts of their windows ([Job.Ahead]), so
// that many slots of a rule that run in order read events only once. Hits that do not fit, and searches that fail, are left
// to each slot. It does not write or record anything.
func (r *Round) ReadAhead(ctx context.Context, jobs []Job) *batch.Ahead {
	tickets := make([]*ticket, len(jobs))
	for i, job := range jobs {
		tickets[i] = &ticket{ctx: ctx, job: job}
	}
	events := r.prepare(ctx, tickets)
	var needs []planner.Need
	var requests []search.Request
	for _, n := range reads(tickets) {
		n.ScanOnly = false // many slots will use the result
		needs, requests = append(needs, n), append(requests, n.Request)
	}
	answers, _ := r.Planner.Answer(ctx, events, needs)
	return batch.NewAhead(ctx, answers, requests)
}
