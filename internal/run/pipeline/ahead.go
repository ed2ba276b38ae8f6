package pipeline

import (
	"context"

	"tocsin/internal/search"
	"tocsin/internal/search/batch"
	"tocsin/internal/search/planner"
)

// ReadAhead reads together what jobs search for, and keeps it for jobs over parts of their windows
// ([Job.Ahead]): many slots of a rule that are run in their order then read events once. What does
// not fit is left to each slot, as is what goes wrong; nothing is found, written or accounted for here.
func (r *Round) ReadAhead(ctx context.Context, jobs []Job) *batch.Ahead {
	tickets := make([]*ticket, len(jobs))
	for i, job := range jobs {
		tickets[i] = &ticket{ctx: ctx, job: job}
	}
	events := r.prepare(ctx, tickets)
	var needs []planner.Need
	var requests []search.Request
	for _, n := range reads(tickets) {
		n.ScanOnly = false // a slot of many will ask
		needs, requests = append(needs, n), append(requests, n.Request)
	}
	answers, _ := r.Planner.Answer(ctx, events, needs)
	return batch.NewAhead(ctx, answers, requests)
}
