package elastic

import (
	"context"
	"maps"
	"slices"

	"tocsin/internal/condition"
	"tocsin/internal/event"
	"tocsin/internal/search"
)

var _ search.Documents = (*Client)(nil)

// maxDocuments is how many ids one request asks for: their answer is held as a whole.
const maxDocuments = 1000

// Documents finds documents by index and id. It searches instead of getting them, as a get knows no
// remote cluster; what was written a moment ago may not be found yet.
func (c *Client) Documents(ctx context.Context, refs []event.Ref) ([]event.Event, error) {
	wanted := map[event.Ref]bool{}
	indices := map[string]bool{}
	var ids []string
	for _, r := range refs {
		if !wanted[r] {
			wanted[r] = true
			indices[r.Index] = true
			ids = append(ids, r.ID)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	var found []event.Event
	for part := range slices.Chunk(ids, maxDocuments) {
		for _, patterns := range patternChunks(slices.Sorted(maps.Keys(indices)), maxPath) {
			body := condition.Query{
				"query": condition.Query{"ids": condition.Query{"values": part}},
				"sort":  []condition.Query{{"_shard_doc": "asc"}},
			}
			op := "documents of [" + shown(patterns) + "]"
			_, err := newPager(c, op, patterns, body, maxDocuments).run(ctx, func(hits []hit) (bool, error) {
				for _, h := range hits {
					if wanted[event.Ref{Index: h.Index, ID: h.ID}] {
						found = append(found, h.event(false))
					}
				}
				return true, nil
			})
			if err != nil {
				return found, err
			}
		}
	}
	return found, nil
}
