package elastic

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// maxIDs is the number of documents in one request.
const maxIDs = 500

// Documents reads documents by index and id. It searches for them, as a get does not work on remote clusters.
// Failed shards are an error, so a missing document is one that no longer exists.
func (c *Client) Documents(ctx context.Context, refs []search.Ref) (map[search.Ref]event.Event, error) {
	byIndex := map[string][]string{}
	var indices []string
	for _, r := range refs {
		if byIndex[r.Index] == nil {
			indices = append(indices, r.Index)
		}
		byIndex[r.Index] = append(byIndex[r.Index], r.ID)
	}
	found := make(map[search.Ref]event.Event, len(refs))
	for _, index := range indices {
		for ids := range slices.Chunk(byIndex[index], maxIDs) {
			if err := c.documents(ctx, index, ids, found); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// documents reads documents of one index, as many at a time as fit into the memory of the cluster and of the
// process.
func (c *Client) documents(ctx context.Context, index string, ids []string, found map[search.Ref]event.Event) error {
	key := []string{index}
	for last := 0; len(ids) > 0; {
		n := c.pageMemory.size(key, len(ids), last)
		if bears := c.pageLimits.of(key); bears > 0 {
			n = min(n, bears)
		}
		err := c.documentsAtOnce(ctx, index, ids[:n], found)
		for n > 1 && (outOfMemory(err) || errors.Is(err, errTooLong)) {
			n /= 2
			if outOfMemory(err) {
				c.pageLimits.note(key, n)
			}
			err = c.documentsAtOnce(ctx, index, ids[:n], found)
		}
		if err != nil {
			return err
		}
		ids, last = ids[n:], n
	}
	return nil
}

// documentsAtOnce reads documents with one request.
func (c *Client) documentsAtOnce(ctx context.Context, index string, ids []string, found map[search.Ref]event.Event) error {
	op := "read documents of [" + index + "]"
	data, err := search.JSON(condition.Query{
		"size": len(ids), "query": condition.Query{"ids": condition.Query{"values": ids}}, "track_total_hits": false,
	}, "")
	if err != nil {
		return err //nolint:wrapcheck // the error names the operation
	}
	yes := true
	a, err := c.page(ctx, op, len(ids), func() esapi.Request {
		return esapi.SearchRequest{Index: escape([]string{index}), Body: bytes.NewReader(data), IgnoreUnavailable: &yes}
	})
	if err != nil {
		return err
	}
	c.pageMemory.note([]string{index}, len(a.Hits.Hits), len(a.body))
	var d damage
	d.add(a.Shards, a.TimedOut, a.Clusters)
	if err := d.err(op); err != nil {
		return err
	}
	for _, h := range a.Hits.Hits {
		found[search.Ref{Index: h.Index, ID: h.ID}] = h.event(search.Request{})
	}
	return nil
}
