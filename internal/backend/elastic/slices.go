package elastic

import (
	"context"
	"errors"
	"sync"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// SearchSlices reads a search in parts, in a common point in time. If the patterns do not fit into one URL,
// they are read in groups, one after the other.
func (c *Client) SearchSlices(ctx context.Context, r search.Request, visits []search.Visit) (search.Result, error) {
	patterns := broad(tidy(r.Patterns))
	if len(patterns) == 0 || len(visits) == 0 {
		return search.Result{}, nil
	}
	body := r.Body()
	body["sort"] = []condition.Query{{"_shard_doc": "asc"}}
	sum := search.Result{}
	var read []func(string) bool
	for _, part := range patternChunks(patterns, maxPath) {
		s := sliced{client: c, op: "read [" + shown(part) + "]", patterns: part, body: body, size: r.Size(), read: read}
		result, err := s.run(ctx, visits)
		sum.Took, sum.Pages, sum.Total = sum.Took+result.Took, sum.Pages+result.Pages, sum.Total+result.Total
		if err != nil {
			return sum, err
		}
		if len(part) == len(patterns) {
			break
		}
		covered, err := c.Locate(ctx, part)
		if err != nil {
			return sum, err
		}
		read = append(read, covered)
	}
	return sum, nil
}

// minPage is the size of a part's first page: no page can be visited before the first has arrived, and none
// is read while the last one is visited.
const minPage = 500

// sliced is a read of one group of patterns.
type sliced struct {
	client   *Client
	op       string
	patterns []string
	body     condition.Query
	size     int
	// read has the tests for indices that an earlier group has read.
	read []func(index string) bool
}

func (s *sliced) run(parent context.Context, visits []search.Visit) (search.Result, error) {
	pit, err := s.client.openPIT(parent, s.op, s.patterns)
	if err != nil {
		return search.Result{}, err
	}
	defer s.client.closePIT(parent, pit)
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	defer s.client.pageMemory.begin(pagesOfPart * len(visits))()
	pagers, errs := make([]*pager, len(visits)), make([]error, len(visits))
	var running sync.WaitGroup
	for i, visit := range visits {
		pagers[i] = newPager(s.client, s.op, s.patterns, s.body, min(s.size, minPage))
		pagers[i].most = s.size
		pagers[i].damage = s.client.expecting(s.patterns, len(s.read) == 0)
		pagers[i].pit, pagers[i].reopened = pit, true // positions have no meaning in another point in time
		if len(visits) > 1 {
			pagers[i].body["slice"] = condition.Query{"id": i, "max": len(visits)}
		}
		running.Go(func() {
			if errs[i] = s.part(ctx, pagers[i], visit); errs[i] != nil {
				cancel()
			}
		})
	}
	running.Wait()
	sum, err := s.sum(parent, pagers, errs)
	return sum, s.client.noticeUnsearched(err)
}

// pagesOfPart is the number of pages of a part that are held at the same time: one is read, one is visited,
// and one may wait.
const pagesOfPart = 3

// part reads one part to its end.
func (s *sliced) part(parent context.Context, p *pager, visit search.Visit) error {
	ctx, cancel := context.WithCancel(parent)
	type read struct {
		page   page
		events []event.Event
	}
	pages := make(chan read)
	var failed error
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(pages)
		for !p.done && failed == nil {
			var events []event.Event
			if events, failed = s.page(ctx, p); failed != nil {
				return
			}
			select {
			case pages <- read{p.last, events}:
			case <-ctx.Done():
				failed = ctx.Err()
			}
		}
	})
	var visited error
	more := true
	for r := range pages {
		if more, visited = visit(r.events); visited != nil || !more {
			break
		}
		r.page.recycle()
	}
	cancel()
	reading.Wait()
	if visited != nil || !more {
		return visited
	}
	return failed
}

func (s *sliced) page(ctx context.Context, p *pager) ([]event.Event, error) {
	hits, err := p.more(ctx)
	if err != nil {
		return nil, err
	}
	page := make([]event.Event, 0, len(hits))
	for i := range hits {
		if !s.readBefore(hits[i].Index) {
			page = append(page, hits[i].event(search.Request{}))
		}
	}
	return page, nil
}

func (s *sliced) readBefore(index string) bool {
	for _, covers := range s.read {
		if covers(index) {
			return true
		}
	}
	return false
}

// sum adds up the results of the parts. A part that was stopped because another one failed is not an error.
func (s *sliced) sum(parent context.Context, pagers []*pager, errs []error) (search.Result, error) {
	sum := search.Result{}
	for _, p := range pagers {
		sum.Took, sum.Pages, sum.Total = sum.Took+p.result.Took, sum.Pages+p.result.Pages, sum.Total+p.result.Total
	}
	for _, err := range errs {
		if err != nil && (parent.Err() != nil || !errors.Is(err, context.Canceled)) {
			return sum, err
		}
	}
	for _, p := range pagers {
		if err := p.damage.err(s.op); err != nil {
			return sum, err
		}
	}
	return sum, errors.Join(errs...)
}
