// From a rule to its alert, 6 of 9: the searches of a round are answered by a scan or made. Next: internal/search/batch/scan.go.

package planner

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/search"
	"tocsin/internal/search/batch"
)

// Strategy is a way to answer searches.
type Strategy string

// The strategies. Auto chooses by cost.
const (
	Auto   Strategy = "auto"
	Scan   Strategy = "scan"
	Search Strategy = "search"
	// Single makes each search by itself: the baseline for the other strategies.
	Single Strategy = "single"
)

// Planner remembers the cost of searches. It is safe for concurrent use.
type Planner struct {
	// Pin is the strategy to use regardless of cost; "" and Auto choose. A request that cannot be
	// scanned is searched for even so.
	Pin Strategy
	// Options bound the scans.
	Options batch.ScanOptions

	sizer batch.Sizer
	costs costs
	// sets compiles the conditions of a round, for the decision and for the scan.
	sets batch.Sets
}

// Round reports the decision and the outcome for the requests of one round.
type Round struct {
	// Requests is the number of requests, Scanned how many of them a scan was tried for.
	Requests, Scanned int
	// Documents is the number of documents in the windows of the scanned requests, -1 when it was
	// not counted.
	Documents int64
	// ScanCost and SearchCost are the expected times of the two ways, without the requests that
	// only one of them can answer.
	ScanCost, SearchCost time.Duration
	// Scan is the report of the scan, Searching the time that batches of searches took.
	Scan      batch.Scanned
	Searching time.Duration
	// Err is why a scan failed; its requests were then searched for.
	Err error
}

// String describes the decision and its reason in one line.
func (r Round) String() string {
	switch {
	case r.Requests == 0:
		return "nothing to search"
	case r.Err != nil:
		return fmt.Sprintf("%d searches: the scan failed: %v", r.Requests, r.Err)
	case r.Scanned == 0 && r.Documents < 0:
		return fmt.Sprintf("%d searches", r.Requests)
	case r.Scanned == 0:
		return fmt.Sprintf("%d searches: expected %s, a scan of %d events %s", r.Requests, brief(r.SearchCost), r.Documents, brief(r.ScanCost))
	}
	return fmt.Sprintf("scan of %d events for %d of %d searches in %s: expected %s, searches %s",
		r.Scan.Events, r.Scan.Answered, r.Requests, brief(r.Scan.Took), brief(r.ScanCost), brief(r.SearchCost))
}

func brief(d time.Duration) string { return d.Round(time.Millisecond).String() }

// Need is a request that will be made.
type Need struct {
	search.Request
	// ScanOnly: the request is not made unless a scan has answered it. What is done instead costs
	// about as much as a search.
	ScanOnly bool
	// SearchOnly: a scan must not answer the request.
	SearchOnly bool
	// AllTime: the request is for all events, and is read even though it has no window.
	AllTime bool

	number int
}

// Answer answers the requests in the way that is expected to be the cheapest. A request that it
// could not answer is searched for when it is made; see [batch.Answers].
func (p *Planner) Answer(ctx context.Context, events search.Events, needs []Need) (*batch.Answers, Round) {
	round := Round{Requests: len(needs), Documents: -1}
	if p.Pin == Single {
		return batch.None(events), round
	}
	scanned, searched := p.choose(ctx, events, needs, &round)
	answers := batch.None(events)
	if len(scanned) > 0 {
		var err error
		answers, round.Scan, err = batch.Scan(ctx, events, requests(scanned), p.options())
		if round.Err = err; err != nil {
			searched = needs
		} else {
			p.costs.scanned(round.Scan)
			searched = append(searched, left(answers, scanned)...)
		}
	}
	alone := requests(slices.DeleteFunc(slices.Clone(searched), func(n Need) bool { return n.ScanOnly }))
	if len(alone) < minTogether || ctx.Err() != nil {
		return answers, round
	}
	start := time.Now()
	multi := batch.Multi(ctx, events, alone, &p.sizer)
	round.Searching = time.Since(start)
	p.costs.searched(alone, round.Searching)
	return answers.With(multi), round
}

func (p *Planner) options() batch.ScanOptions {
	o := p.Options
	o.Sets = &p.sets
	return o
}

func requests(needs []Need) []search.Request {
	out := make([]search.Request, len(needs))
	for i, n := range needs {
		out[i] = n.Request
	}
	return out
}

// minTogether is the number of searches from which a multi-search pays.
const minTogether = 2

// left returns the requests that a scan did not answer.
func left(answers *batch.Answers, needs []Need) []Need {
	var out []Need
	for _, n := range needs {
		if answers.Why(n.Request) != "" {
			out = append(out, n)
		}
	}
	return out
}
