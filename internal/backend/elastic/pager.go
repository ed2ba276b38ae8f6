package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/search"
)

// contextMissing is the type of the error of a search whose point in time has expired, or whose node is gone.
const contextMissing = "search_context_missing_exception"

// The sort values of a missing date, last in either order.
const (
	lowest  = "-9223372036854775808"
	highest = "9223372036854775807"
)

// pager reads one search page by page in a point in time.
type pager struct {
	client   *Client
	op       string
	patterns []string
	body     condition.Query
	size     int
	// most is the maximum page size, bound the size that the cluster's memory allows; 0: unknown.
	most, bound int

	pit      string
	reopened bool
	done     bool
	// after holds the sort values of the last hit read; the last of them is its position in the point in time
	// (_shard_doc), which Elasticsearch adds to every sort.
	after []json.RawMessage
	// tied are the read hits that have the same sort values apart from the position: in a new point in time,
	// positions differ, and these hits are read again.
	tied   map[hitKey]bool
	damage damage
	result search.Result
	// last is the page that was read last.
	last page
}

type hitKey struct{ index, id string }

func newPager(c *Client, op string, patterns []string, body condition.Query, size int) *pager {
	p := &pager{client: c, op: op, patterns: patterns, body: maps.Clone(body), most: size, tied: map[hitKey]bool{}}
	p.grow()
	return p
}

// run passes every page to visit until it returns false or there are no more.
func (p *pager) run(ctx context.Context, visit func([]hit) (bool, error)) (search.Result, error) {
	if err := p.open(ctx); err != nil {
		return p.result, err
	}
	defer p.close(ctx)
	defer p.client.pageMemory.begin(1)()
	for more := true; more && !p.done; {
		hits, err := p.more(ctx)
		if err != nil {
			return p.result, err
		}
		if len(hits) == 0 {
			continue
		}
		if more, err = visit(hits); err != nil {
			return p.result, err
		}
	}
	return p.result, p.damage.err(p.op)
}

// more reads one page and returns the hits that were not read before.
func (p *pager) more(ctx context.Context) ([]hit, error) {
	p.last = page{} // not held while the next one is read, unless a visitor holds it
	a, err := p.next(ctx)
	if err != nil {
		return nil, err
	}
	p.count(a)
	p.last = a
	p.done = len(a.Hits.Hits) < p.size
	p.client.pageMemory.note(p.patterns, len(a.Hits.Hits), len(a.body))
	p.grow()
	return p.fresh(a.Hits.Hits), nil
}

// grow sets the size of the next page: as many documents as may be held, and as the memory of the cluster
// allows, as seen in this read or others of the same patterns.
func (p *pager) grow() {
	if known := p.client.pageLimits.of(p.patterns); known > 0 && (p.bound == 0 || known < p.bound) {
		p.bound = known
	}
	size := p.client.pageMemory.size(p.patterns, p.most, p.size)
	if p.bound > 0 {
		size = min(size, p.bound)
	}
	p.resize(size)
}

func (p *pager) resize(size int) {
	p.size = size
	p.body["size"] = size
}

func (p *pager) open(ctx context.Context) error {
	id, err := p.client.openPIT(ctx, p.op, p.patterns)
	p.pit = id
	return err
}

func (p *pager) close(ctx context.Context) {
	if p.pit != "" {
		p.client.closePIT(ctx, p.pit)
	}
}

// next reads one page; if the point in time has expired, it opens a new one and tries once more.
func (p *pager) next(ctx context.Context) (page, error) {
	a, err := p.read(ctx)
	if !hasType(err, contextMissing) && !lost(a.Shards) {
		return a, err
	}
	if p.reopened || len(sortOf(p.body)) == 0 {
		return a, &failure.Error{
			Kind: failure.Unavailable, Op: p.op, Status: 404, Type: contextMissing,
			Reason: "the point in time expired while the search was under way",
		}
	}
	p.reopened = true
	p.client.log.WarnContext(ctx, "point in time expired and was opened again", "op", p.op, "pages_read", p.result.Pages)
	p.close(ctx)
	if err := p.open(ctx); err != nil {
		return page{}, err
	}
	if n := len(p.after); n > 0 {
		p.after[n-1] = json.RawMessage("-1") // before the first position
	}
	a, err = p.read(ctx)
	if hasType(err, contextMissing) {
		return p.next(ctx)
	}
	return a, err
}

// read reads one page, and half of it if it is too large for the memory of the cluster or of the process.
func (p *pager) read(ctx context.Context) (page, error) {
	for {
		a, err := p.ask(ctx)
		switch {
		case p.size <= 1:
			return a, err
		case errors.Is(err, errTooLong):
			p.resize(p.size / 2)
		case outOfMemory(err):
			p.resize(p.size / 2)
			p.bound = p.size
			p.client.pageLimits.note(p.patterns, p.size)
			p.client.log.WarnContext(ctx, "a page exceeded the memory of the cluster: pages are smaller now", "op", p.op, "size", p.size)
		default:
			return a, err
		}
	}
}

func (p *pager) ask(ctx context.Context) (page, error) {
	body := maps.Clone(p.body)
	body["pit"] = condition.Query{"id": p.pit, "keep_alive": keepAlive}
	if p.after != nil {
		body["search_after"] = p.from()
		body["track_total_hits"] = false
	}
	data, err := search.JSON(body, "")
	if err != nil {
		return page{}, err
	}
	yes := true
	a, err := p.client.page(ctx, p.op, p.size, func() esapi.Request {
		return esapi.SearchRequest{Body: bytes.NewReader(data), AllowPartialSearchResults: &yes}
	})
	if a.PIT != "" {
		p.pit = a.PIT
	}
	return a, err
}

// lost reports whether some shards have lost the point in time while others answer.
func lost(s shards) bool {
	for _, f := range s.Failures {
		if f.Reason.root().Type == contextMissing {
			return true
		}
	}
	return false
}

func (p *pager) count(a page) {
	if p.result.Pages == 0 {
		p.result.Total = a.total()
	}
	p.result.Pages++
	p.result.Took += time.Duration(a.Took) * time.Millisecond
	p.damage.add(a.Shards, a.TimedOut, a.Clusters)
}

// fresh returns the hits that were not read before, and records the position for the next page.
func (p *pager) fresh(hits []hit) []hit {
	out := make([]hit, 0, len(hits))
	for _, h := range hits {
		if !sameButPlace(h.Sort, p.after) {
			clear(p.tied)
		}
		key := hitKey{h.Index, h.ID}
		if !p.tied[key] {
			out = append(out, h)
		}
		if len(h.Sort) > 1 {
			p.tied[key] = true
		}
		p.after = h.Sort
	}
	// The values are parts of the page, whose memory may be reused.
	after := make([]json.RawMessage, len(p.after))
	for i, value := range p.after {
		after[i] = bytes.Clone(value)
	}
	p.after = after
	return out
}

func sameButPlace(a, b []json.RawMessage) bool {
	if len(a) != len(b) || len(a) == 0 {
		return false
	}
	for i := range a[:len(a)-1] {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// from returns the sort values for search_after. The null of a missing date becomes the number that
// Elasticsearch sorts it as: Elasticsearch returns the null, but does not accept it.
func (p *pager) from() []json.RawMessage {
	after := slices.Clone(p.after)
	for i, clause := range sortOf(p.body) {
		if i >= len(after) || string(after[i]) != "null" {
			continue
		}
		for _, options := range clause {
			by, ok := options.(condition.Query)
			switch {
			case !ok || by["format"] == nil:
			case (by["order"] == "desc") != (by["missing"] == "_first"):
				after[i] = json.RawMessage(lowest)
			default:
				after[i] = json.RawMessage(highest)
			}
		}
	}
	return after
}
