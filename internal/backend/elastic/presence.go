package elastic

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/match/condition"
	"tocsin/internal/search"
)

var _ search.Prober = (*Client)(nil)

// maxProbed is the number of fields in one request.
const maxProbed = 500

// presenceAnswer is the answer of _search with a bucket for each field.
type presenceAnswer struct {
	TimedOut     bool     `json:"timed_out"`
	Shards       shards   `json:"_shards"`
	Clusters     clusters `json:"_clusters"`
	Aggregations struct {
		Fields struct {
			Buckets map[string]struct {
				Events int64 `json:"doc_count"`
			} `json:"buckets"`
		} `json:"fields"`
	} `json:"aggregations"`
}

func (a *presenceAnswer) lacks() string {
	return a.Shards.lacksGroups(a.Aggregations.Fields.Buckets == nil)
}

// Present implements [search.Prober] by counting the events with each field, many fields in one request.
func (c *Client) Present(ctx context.Context, r search.Request, fields []string) (map[string]bool, error) {
	found := map[string]bool{}
	var errs []error
	for _, part := range patternChunks(broad(tidy(r.Patterns)), maxPath) {
		for some := range slices.Chunk(fields, maxProbed) {
			if err := c.present(ctx, part, r, some, found); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return found, errors.Join(errs...)
}

func (c *Client) present(ctx context.Context, patterns []string, r search.Request, fields []string, found map[string]bool) error {
	buckets := condition.Query{}
	for i, name := range fields {
		buckets[strconv.Itoa(i)] = condition.DSL(condition.Exists{Field: name})
	}
	body := condition.Query{
		"size": 0, "track_total_hits": false, "query": r.Body()["query"],
		"aggs": condition.Query{"fields": condition.Query{"filters": condition.Query{"filters": buckets}}},
	}
	data, err := search.JSON(body, "")
	if err != nil {
		return err //nolint:wrapcheck // the error names the operation
	}
	yes := true
	op := "look for fields in the events of [" + shown(patterns) + "]"
	a, err := call[presenceAnswer](ctx, c, op, func() esapi.Request {
		return searching{esapi.SearchRequest{
			Index: escape(patterns), Body: bytes.NewReader(data), IgnoreUnavailable: &yes, AllowNoIndices: &yes, AllowPartialSearchResults: &yes,
		}, 0}
	})
	if err != nil {
		return err
	}
	for i, name := range fields {
		if a.Aggregations.Fields.Buckets[strconv.Itoa(i)].Events > 0 {
			found[name] = true
		}
	}
	var d damage
	d.add(a.Shards, a.TimedOut, a.Clusters)
	return d.err(op)
}
