package elastic

import (
	"bytes"
	"context"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/search"
)

var _ search.Counter = (*Client)(nil)

// Count returns the number of events that a request matches. If a part cannot be read, the error is of kind
// Partial.
func (c *Client) Count(ctx context.Context, r search.Request) (int64, error) {
	var sum int64
	patterns := broad(tidy(r.Patterns))
	for _, part := range patternChunks(patterns, maxPath) {
		body := r.Body()
		body["size"] = 0
		delete(body, "sort")
		data, err := search.JSON(body, "")
		if err != nil {
			return 0, err //nolint:wrapcheck // the error names the operation
		}
		yes := true
		op := "count the events of [" + shown(part) + "]"
		a, err := call[page](ctx, c, op, func() esapi.Request {
			return searching{esapi.SearchRequest{
				Index: escape(part), Body: bytes.NewReader(data), IgnoreUnavailable: &yes, AllowNoIndices: &yes, AllowPartialSearchResults: &yes,
			}, 0}
		})
		if err != nil {
			return 0, err
		}
		var d damage
		d.add(a.Shards, a.TimedOut, a.Clusters)
		if err := d.err(op); err != nil {
			return 0, err
		}
		sum += a.total()
	}
	return sum, nil
}
