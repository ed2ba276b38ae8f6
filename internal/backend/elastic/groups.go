package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/search"
)

const (
	// maxSelectionBytes is about how long the names of the groups in one request may be altogether.
	maxSelectionBytes = 4 << 20
	// minGroupPage is the smallest page that is tried when a cluster finds pages too large.
	minGroupPage = 100
)

// Groups counts groups of events by a composite aggregation in a point in time, page by page, and
// groups asked for by name by one filter each. Groups of healthy shards are visited also when
// other shards fail; the error is then of kind Partial and names them.
func (c *Client) Groups(ctx context.Context, r search.GroupRequest, visit search.GroupVisit) (search.Result, error) {
	result := search.Result{Total: -1}
	patterns := tidy(r.Patterns)
	if len(patterns) == 0 || r.Only != nil && len(r.Only) == 0 {
		return result, nil // To Elasticsearch no pattern means every index.
	}
	op := "count groups in [" + shown(patterns) + "]"
	if len(patternChunks(patterns, maxPath)) > 1 {
		// Counts of several searches cannot be put together where values are counted.
		return result, &failure.Error{Kind: failure.Rejected, Op: op, Reason: "the patterns do not fit into one request", Err: search.ErrUngroupable}
	}
	g := &groupPager{client: c, op: op, patterns: patterns, request: r, result: result, damage: c.expecting(patterns, true)}
	if r.Samples > 0 {
		defer c.held.begin(1)()
		g.most = r.GroupPage()
		g.fit()
	}
	var err error
	if r.Only != nil || len(r.By) == 0 {
		err = g.selected(ctx, visit)
	} else {
		err = g.all(ctx, visit)
	}
	if err != nil {
		return g.result, err
	}
	return g.result, c.noticed(g.damage.err(op))
}

// groupPager reads the groups of one request.
type groupPager struct {
	client   *Client
	op       string
	patterns []string
	request  search.GroupRequest
	// most is the size of pages where nothing else bounds it, last that of the page before: of groups with samples.
	most, last int

	pit    string
	after  json.RawMessage
	damage damage
	result search.Result
}

// fit chooses how many groups with their samples are asked for at a time.
func (g *groupPager) fit() {
	n := g.request.Samples
	g.request.PageSize = max(1, g.client.held.size(g.sampled(), g.most*n, g.last*n)/n)
}

// sampled stands for the samples of groups among patterns: they are not as long as events of the same patterns, which
// are not decoded.
func (g *groupPager) sampled() []string { return append(slices.Clone(g.patterns), "") }

// sampleCopies is how often what is read of samples is held while it is decoded.
const sampleCopies = 4

// groupPage is the answer of _search with groups in it.
type groupPage struct {
	PIT          string   `json:"pit_id"`
	Took         int64    `json:"took"`
	TimedOut     bool     `json:"timed_out"`
	Shards       shards   `json:"_shards"`
	Clusters     clusters `json:"_clusters"`
	Aggregations struct {
		Groups struct {
			AfterKey json.RawMessage              `json:"after_key"`
			Buckets  []map[string]json.RawMessage `json:"buckets"`
		} `json:"groups"`
	} `json:"aggregations"`
}

// all reads every group, page by page.
func (g *groupPager) all(ctx context.Context, visit search.GroupVisit) error {
	if err := g.open(ctx); err != nil {
		return err
	}
	defer func() { g.client.closePIT(ctx, g.pit) }()
	for {
		a, err := g.next(ctx)
		if err != nil {
			return err
		}
		g.count(a)
		whole := len(a.Aggregations.Groups.Buckets) >= g.request.GroupPage() // which the visit may change
		more, err := g.visit(a, visit)
		g.after = a.Aggregations.Groups.AfterKey
		if err != nil || !more || !whole || g.after == nil {
			return err
		}
	}
}

func (g *groupPager) open(ctx context.Context) (err error) {
	g.pit, err = g.client.openPIT(ctx, g.op, g.patterns)
	return err
}

// next reads a page, from a new point in time when the old one is gone, and a smaller one when the
// cluster does not make as many buckets at once.
func (g *groupPager) next(ctx context.Context) (groupPage, error) {
	reopened := false
	for {
		a, err := g.page(ctx)
		switch {
		case g.shrinks(err):
		case !hasType(err, contextMissing) && !lost(a.Shards):
			return a, err
		case reopened:
			return a, &failure.Error{
				Kind: failure.Unavailable, Op: g.op, Status: 404, Type: contextMissing,
				Reason: "the point in time expired while groups were counted",
			}
		default:
			reopened = true
			g.client.log.WarnContext(ctx, "point in time expired, opened anew", "op", g.op, "pages_read", g.result.Pages)
			g.client.closePIT(ctx, g.pit)
			if err := g.open(ctx); err != nil {
				return a, err
			}
		}
	}
}

// shrinks makes pages smaller when the cluster finds them too large; false: that was not the error, or
// they are small.
func (g *groupPager) shrinks(err error) bool {
	if !hasType(err, "too_many_buckets_exception") && !tooMuch(err) && !errors.Is(err, errTooLong) || g.request.GroupPage() <= g.least() {
		return false
	}
	g.request.PageSize = max(g.least(), g.request.GroupPage()/4)
	return true
}

// least is the smallest page that is tried.
func (g *groupPager) least() int {
	if g.request.Samples > 0 {
		return 1
	}
	return minGroupPage
}

// body is that of the next page.
func (g *groupPager) body() condition.Query {
	body := g.request.Body()
	if g.after != nil {
		composite(body)["after"] = g.after
	}
	return body
}

// stretch is the body that lists so many groups behind a place.
func (g *groupPager) stretch(after map[string]any, size int) condition.Query {
	body := g.request.Body()
	list := composite(body)
	if list["size"] = size; after != nil {
		list["after"] = after
	}
	return body
}

// composite is the list of groups in a body.
func composite(body condition.Query) condition.Query {
	aggs, _ := body["aggs"].(condition.Query)
	groups, _ := aggs[search.AggGroups].(condition.Query)
	list, _ := groups["composite"].(condition.Query)
	return list
}

func (g *groupPager) page(ctx context.Context) (groupPage, error) {
	body := g.body()
	body["pit"] = condition.Query{"id": g.pit, "keep_alive": keepAlive}
	a, err := g.search(ctx, body, nil)
	if a.PIT != "" {
		g.pit = a.PIT
	}
	return a, err
}

// selected reads the groups asked for, or the one of everything, some at a time.
func (g *groupPager) selected(ctx context.Context, visit search.GroupVisit) error {
	all := g.request.Only
	if all == nil {
		all = []search.Selection{{Key: []string{}}}
	}
	for len(all) > 0 {
		g.request.Only = all
		g.request.Only = all[:selectionsAtOnce(all, g.request.Selections())]
		if g.request.Listed() {
			all = all[len(g.request.Only):]
			if more, err := g.listed(ctx, visit); err != nil || !more {
				return err
			}
			continue
		}
		a, err := g.search(ctx, g.request.Body(), g.patterns)
		if len(g.request.Only) > 1 && g.shrinks(err) {
			continue
		}
		if err != nil {
			return err
		}
		all = all[len(g.request.Only):]
		g.count(a)
		if more, err := g.visit(a, visit); err != nil || !more {
			return err
		}
	}
	return nil
}

// listed reads the stretch of a list in which the groups asked for are, and hands those over. The first
// page is a little more than they would fill by themselves: where others lie between them, the next
// ones are larger.
func (g *groupPager) listed(ctx context.Context, visit search.GroupVisit) (bool, error) {
	only, span := g.request.Only, g.request.Span()
	counts := map[string]int64{}
	after, size := span.After(), 2*len(only)+10
	for more := true; more; {
		size = min(size, g.request.GroupPage())
		a, err := g.search(ctx, g.stretch(after, size), g.patterns)
		if g.shrinks(err) {
			continue
		}
		if err != nil {
			return false, err
		}
		g.count(a)
		list := a.Aggregations.Groups
		more = len(list.Buckets) >= size && list.AfterKey != nil
		for _, b := range list.Buckets {
			group, err := g.group(b)
			if err != nil {
				return false, g.unreadable(err)
			}
			counts[search.KeyName(group.Key)] = group.Count
			more = more && !span.Passed(group.Key)
		}
		if more {
			after = nil
			if err := decode(list.AfterKey, &after); err != nil {
				return false, g.unreadable(err)
			}
		}
		size *= 2
	}
	var page []search.Group
	for _, s := range only {
		group := search.Group{Key: slices.Clone(s.Key), Count: counts[search.KeyName(s.Key)]}
		if g.request.Wants(group) {
			page = append(page, group)
		}
	}
	if len(page) == 0 {
		return true, nil
	}
	return visit(page)
}

func (g *groupPager) unreadable(err error) error {
	return &failure.Error{Kind: failure.Rejected, Op: g.op, Reason: "the answer cannot be read", Err: err}
}

// selectionsAtOnce is how many selections go into one request: one at least.
func selectionsAtOnce(all []search.Selection, most int) int {
	size := 0
	for i, s := range all {
		for _, key := range s.Key {
			size += 2 * len(key)
		}
		if i > 0 && (i == most || size > maxSelectionBytes) {
			return i
		}
	}
	return len(all)
}

func (g *groupPager) search(ctx context.Context, body condition.Query, patterns []string) (groupPage, error) {
	data, err := search.JSON(body, "")
	if err != nil {
		return groupPage{}, err
	}
	yes := true
	request := esapi.SearchRequest{AllowPartialSearchResults: &yes}
	if patterns != nil {
		request.Index, request.IgnoreUnavailable, request.AllowNoIndices = escape(patterns), &yes, &yes
	}
	smaller := g.request.GroupPage() > g.least() && len(g.request.Only) != 1
	better := func(err error) bool { return smaller && (tooMuch(err) || errors.Is(err, errTooLong)) }
	most := 0
	if smaller && g.request.Samples > 0 {
		most = g.client.held.limit() / sampleCopies * 2
	}
	return callUnless[groupPage](ctx, g.client, g.op, better, func() esapi.Request {
		request.Body = bytes.NewReader(data)
		return searching{request, most}
	})
}

func (g *groupPager) count(a groupPage) {
	g.result.Pages++
	g.result.Took += time.Duration(a.Took) * time.Millisecond
	g.damage.add(a.Shards, a.TimedOut, a.Clusters)
}

// visit hands over the groups of a page that are wanted.
func (g *groupPager) visit(a groupPage, visit search.GroupVisit) (bool, error) {
	buckets := a.Aggregations.Groups.Buckets
	if g.request.Only != nil && len(buckets) > len(g.request.Only) {
		return false, &failure.Error{Kind: failure.Rejected, Op: g.op, Reason: fmt.Sprintf("%d groups came for %d", len(buckets), len(g.request.Only))}
	}
	page := make([]search.Group, 0, len(buckets))
	samples, size := 0, 0
	for i, b := range buckets {
		group, err := g.group(b)
		if err != nil {
			return false, g.unreadable(err)
		}
		samples, size = samples+len(group.Samples), size+sourceBytes(group.Samples)
		if g.request.Only != nil {
			group.Key = slices.Clone(g.request.Only[i].Key)
		}
		if g.request.Wants(group) {
			page = append(page, group)
		}
	}
	if g.request.Samples > 0 {
		g.client.held.note(g.sampled(), samples, sampleCopies*size)
		g.last = max(1, len(buckets))
		defer g.fit()
	}
	if len(page) == 0 {
		return true, nil
	}
	return visit(page)
}
