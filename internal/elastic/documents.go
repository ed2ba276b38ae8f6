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

// documents reads some documents of an index, in halves where they are too much for the memory of the cluster.
func (c *Client) documents(ctx context.Context, index string, ids []string, found map[search.Ref]event.Event) error {
	key := []string{index}
	if most := c.bearable.of(key); most > 0 && most < len(ids) {
		return c.documentsInParts(ctx, index, ids, most, found)
	}
	op := "read documents of [" + index + "]"
	data, err := search.JSON(condition.Query{
		"size": len(ids), "query": condition.Query{"ids": condition.Query{"values": ids}}, "track_total_hits": false,
	}, "")
	if err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	yes := true
	better := func(err error) bool { return len(ids) > 1 && tooMuch(err) }
	a, err := callUnless[page](ctx, c, op, better, func() esapi.Request {
		return esapi.SearchRequest{Index: escape([]string{index}), Body: bytes.NewReader(data), IgnoreUnavailable: &yes}
	})
	if len(ids) > 1 && (tooMuch(err) || brokeCircuit(a.Shards)) {
		c.bearable.note(key, len(ids)/2)
		return c.documentsInParts(ctx, index, ids, len(ids)/2, found)
	}
	if err != nil {
		return err
	}
	if fits := weighed(len(a.Hits.Hits), len(a.body)); fits < len(ids) {
		c.bearable.note(key, fits)
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

func (c *Client) documentsInParts(ctx context.Context, index string, ids []string, most int, found map[search.Ref]event.Event) error {
	for part := range slices.Chunk(ids, most) {
		if err := c.documents(ctx, index, part, found); err != nil {
			return err
		}
	}
	return nil
}
