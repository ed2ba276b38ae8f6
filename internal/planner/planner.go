package planner

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/batch"
	"tocsin/internal/search"
)

// Strategy is a way to answer searches.
type Strategy string

// The strategies. Auto chooses by cost.
const (
	Auto   Strategy = "auto"
	Scan   Strategy = "scan"
	Search Strategy = "search"
	// Single makes each search by itself, as runners without rounds do: what the others are measured by.
	Single Strategy = "single"
)

// Planner remembers what answering has cost. It is safe for concurrent use.
type Planner struct {
	// Pin is the strategy to use whatever it costs; "" and Auto choose. A request that cannot be
	// scanned is searched all the same.
	Pin Strategy
	// Options bound the scans.
	Options batch.ScanOptions

	sizer batch.Sizer
	costs costs
	// judged are the requests of rounds before, by whether they can be answered from memory.
	judged judged
	sets   batch.Sets
}

// Round is what was decided and done for the requests of one moment.
type Round struct {
	// Requests is how many there were, Scanned how many a scan was tried for.
	Requests, Scanned int
	// Documents is the number in the windows of those, -1 when it was not counted.
	Documents int64
	// ScanCost and SearchCost are what the two ways were expected to take, the requests that only
	// one of them can answer left out.
	ScanCost, SearchCost time.Duration
	// Scan is the account of the scan, Searching the time that batches of searches took.
	Scan      batch.Scanned
	Searching time.Duration
	// Err is why a scan failed; its requests were searched then.
	Err error
}

// String says in a line what was done and why.
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

// Need is a request that somebody will make.
type Need struct {
	search.Request
	// ScanOnly: unless a scan has answered it, it will not be made; what is done in its place costs
	// about as much as a search.
	ScanOnly bool
	// SearchOnly: it is not to be answered by a scan.
	SearchOnly bool
}

// Answer answers the requests in the way that is expected to be the cheapest. What it could not
// answer is searched for when somebody asks; see [batch.Answers].
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
	if len(alone) < leastTogether || ctx.Err() != nil {
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

// leastTogether is the number of searches from which a request of several is worth it.
const leastTogether = 2

// left are the requests that a scan did not answer.
func left(answers *batch.Answers, needs []Need) []Need {
	var out []Need
	for _, n := range needs {
		if answers.Why(n.Request) != "" {
			out = append(out, n)
		}
	}
	return out
}
