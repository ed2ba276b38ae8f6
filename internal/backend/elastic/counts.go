package elastic

import (
	"bytes"
	"context"
	"strconv"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/search"
)

// Counts returns the numbers of events of a pattern's indices in consecutive steps from a time on, which is a multiple of step, until
// another, and the time of the last event before that; zero if there is none. Indices that may not be read have no events.
func (c *Client) Counts(ctx context.Context, pattern string, from, to time.Time, step time.Duration) ([]int64, time.Time, error) {
	body, err := search.JSON(map[string]any{
		"size": 0, "track_total_hits": false,
		"query": map[string]any{"bool": map[string]any{"filter": []any{map[string]any{"range": map[string]any{"@timestamp": map[string]any{
			"gte": from.UnixMilli(), "lte": to.UnixMilli(), "format": "epoch_millis",
		}}}}}},
		"aggs": map[string]any{
			"steps": map[string]any{"date_histogram": map[string]any{"field": "@timestamp", "fixed_interval": strconv.FormatInt(step.Milliseconds(), 10) + "ms", "min_doc_count": 1}},
			"last":  map[string]any{"max": map[string]any{"field": "@timestamp"}},
		},
	}, "")
	if err != nil {
		return nil, time.Time{}, err
	}
	type answer struct {
		TimedOut     bool     `json:"timed_out"`
		Shards       shards   `json:"_shards"`
		Clusters     clusters `json:"_clusters"`
		Aggregations struct {
			Steps struct {
				Buckets []struct {
					Key   float64 `json:"key"`
					Count int64   `json:"doc_count"`
				} `json:"buckets"`
			} `json:"steps"`
			Last struct {
				Value *float64 `json:"value"`
			} `json:"last"`
		} `json:"aggregations"`
	}
	yes, op := true, "count the events of ["+pattern+"] by time"
	a, err := call[answer](search.Background(ctx), c, op, func() esapi.Request {
		return searching{esapi.SearchRequest{Index: escape([]string{pattern}), Body: bytes.NewReader(body), IgnoreUnavailable: &yes, AllowNoIndices: &yes, AllowPartialSearchResults: &yes}, 0}
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	var d damage
	d.add(a.Shards, a.TimedOut, a.Clusters)
	if err := d.err(op); err != nil {
		return nil, time.Time{}, err
	}
	counts := make([]int64, int(to.Sub(from)/step)+1)
	for _, b := range a.Aggregations.Steps.Buckets {
		if i := int((int64(b.Key) - from.UnixMilli()) / step.Milliseconds()); i >= 0 && i < len(counts) {
			counts[i] = b.Count
		}
	}
	var last time.Time
	if v := a.Aggregations.Last.Value; v != nil {
		last = time.UnixMilli(int64(*v)).UTC()
	}
	return counts, last, nil
}
