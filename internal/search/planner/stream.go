package planner

import (
	"context"
	"errors"
	"time"

	"tocsin/internal/search"
	"tocsin/internal/search/batch"
)

// errSearched is why a scan did not answer a request: it was not asked.
var errSearched = errors.New("a search was expected to be cheaper")

// Stream passes all hits of needs to take by one read ([batch.Stream]), as far as that is expected to be cheaper than
// searches. The result has, for each of the needs, nil if take has got all of its hits; the others must be searched for,
// and what take got of them be forgotten.
func (p *Planner) Stream(ctx context.Context, events search.Events, needs []Need, take batch.Take) ([]error, Round) {
	round := Round{Requests: len(needs), Documents: -1}
	why := make([]error, len(needs))
	own := make([]Need, len(needs))
	for i, n := range needs {
		why[i], own[i] = errSearched, n
		own[i].number = i
	}
	if p.Pin == Single {
		return why, round
	}
	scanned, _ := p.choose(ctx, events, own, &round)
	if len(scanned) == 0 {
		return why, round
	}
	found, stats, err := batch.Stream(ctx, events, requests(scanned), p.Options.Slices, func(part, i int, at time.Time) {
		take(part, scanned[i].number, at)
	})
	round.Scan, round.Err = stats, err
	for i, n := range scanned {
		if why[n.number] = found[i]; err != nil {
			why[n.number] = err
		}
	}
	if err == nil {
		p.costs.scanned(stats)
	}
	return why, round
}
