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
	// maxSelectionBytes is the approximate limit for the keys of all groups in one request.
	maxSelectionBytes = 4 << 20
	// minGroupPage is the smallest page size that is tried when the cluster rejects pages as too large.
	minGroupPage = 100
)

// Groups counts groups of events. All groups are read by a composite aggregation in a point in time, page by
// page; requested groups have one filter each. Groups of healthy shards are visited even if other shards
// fail; the error is then of kind Partial and names them.
func (c *Client) Groups(ctx context.Context, r search.GroupRequest, visit search.GroupVisit) (search.Result, error) {
	result := search.Result{Total: -1}
	patterns := tidy(r.Patterns)
	if len(patterns) == 0 || r.Only != nil && len(r.Only) == 0 {
		return result, nil // without patterns, Elasticsearch searches every index
	}
	op := "count groups in [" + shown(patterns) + "]"
	if len(patternChunks(patterns, maxPath)) > 1 {
		// Counts of distinct values from several searches cannot be added.
		return result, &failure.Error{Kind: failure.Rejected, Op: op, Reason: "the patterns do not fit into one request", Err: search.ErrUngroupable}
	}
	g := &groupPager{client: c, op: op, patterns: patterns, request: r, result: result, damage: c.expecting(patterns, true)}
	if r.Samples > 0 {
		defer c.pageMemory.begin(1)()
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
	return g.result, c.noticeUnsearched(g.damage.err(op))
}

// groupPager reads the groups of one request.
type groupPager struct {
	client   *Client
	op       string
	patterns []string
	request  search.GroupRequest
	// most is the page size without other limits, last the size of the previous page: of groups with samples.
	most, last int

	pit    string
	after  json.RawMessage
	damage damage
	result search.Result
}

// fit sets the number of groups with samples in the next page.
func (g *groupPager) fit() {
	n := g.request.Samples
	g.request.PageSize = max(1, g.client.pageMemory.size(g.sampled(), g.most*n, g.last*n)/n)
}

// sampled returns the key for the sizes of samples among the sizes by patterns. Samples are decoded and so
// have other sizes than events of the same patterns.
func (g *groupPager) sampled() []string { return append(slices.Clone(g.patterns), "") }

// sampleCopies is how many copies of the samples are in memory while they are decoded.
const sampleCopies = 4

// groupPage is the answer of _search with groups.
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
		whole := len(a.Aggregations.Groups.Buckets) >= g.request.GroupPage() // the visit may change it
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

// next reads a page. If the point in time has expired, it opens a new one; if the page has too many buckets
// for the cluster, it asks for a smaller one.
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
			g.client.log.WarnContext(ctx, "point in time expired and was opened again", "op", g.op, "pages_read", g.result.Pages)
			g.client.closePIT(ctx, g.pit)
			if err := g.open(ctx); err != nil {
				return a, err
			}
		}
	}
}

// shrinks reduces the page size if the cluster rejected the page as too large; false: another error, or the
// pages are small already.
func (g *groupPager) shrinks(err error) bool {
	if !hasType(err, "too_many_buckets_exception") && !outOfMemory(err) && !errors.Is(err, errTooLong) || g.request.GroupPage() <= g.least() {
		return false
	}
	g.request.PageSize = max(g.least(), g.request.GroupPage()/4)
	return true
}

// least returns the smallest page size to try.
func (g *groupPager) least() int {
	if g.request.Samples > 0 {
		return 1
	}
	return minGroupPage
}

// body returns the body for the next page.
func (g *groupPager) body() condition.Query {
	body := g.request.Body()
	if g.after != nil {
		composite(body)["after"] = g.after
	}
	return body
}

// stretch returns the body that lists size groups after a position.
func (g *groupPager) stretch(after map[string]any, size int) condition.Query {
	body := g.request.Body()
	list := composite(body)
	if list["size"] = size; after != nil {
		list["after"] = after
	}
	return body
}

// composite returns the composite aggregation of a body.
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

// selected reads the requested groups, or the one group of all events, some at a time.
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

// listed reads the range of the list that contains the requested groups, and passes these on. The first page
// is slightly larger than the number of requested groups; if other groups lie between them, later pages are
// larger.
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

// selectionsAtOnce returns the number of selections for one request, at least one.
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
	better := func(err error) bool { return smaller && (outOfMemory(err) || errors.Is(err, errTooLong)) }
	most := 0
	if smaller && g.request.Samples > 0 {
		most = g.client.pageMemory.limit() / sampleCopies * 2
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

// visit passes on the groups of a page that were requested.
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
		g.client.pageMemory.note(g.sampled(), samples, sampleCopies*size)
		g.last = max(1, len(buckets))
		defer g.fit()
	}
	if len(page) == 0 {
		return true, nil
	}
	return visit(page)
}
