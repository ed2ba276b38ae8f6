package elastic

import (
	"bytes"
	"context"
	"slices"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/condition"
	"tocsin/internal/event"
	"tocsin/internal/search"
)

// maxIDs is the number of documents asked for at once.
const maxIDs = 500

// Documents reads documents by index and id. It searches for them, as a document of a remote cluster
// cannot be got otherwise. Shards that fail make it fail: what is missing is told from what is gone.
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

func (c *Client) documents(ctx context.Context, index string, ids []string, found map[search.Ref]event.Event) error {
	op := "read documents of [" + index + "]"
	data, err := search.JSON(condition.Query{
		"size": len(ids), "query": condition.Query{"ids": condition.Query{"values": ids}}, "track_total_hits": false,
	}, "")
	if err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	yes := true
	a, err := call[page](ctx, c, op, func() esapi.Request {
		return esapi.SearchRequest{Index: escape([]string{index}), Body: bytes.NewReader(data), IgnoreUnavailable: &yes}
	})
	if err != nil {
		return err
	}
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
