package elastic

import (
	"context"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
)

// Time returns the time of the node that answers, in milliseconds. It needs the privilege monitor.
func (c *Client) Time(ctx context.Context) (time.Time, error) {
	type answer struct {
		Nodes map[string]struct {
			Timestamp int64 `json:"timestamp"`
		} `json:"nodes"`
	}
	const op = "ask for the time"
	a, err := try[answer](ctx, c, op, esapi.NodesStatsRequest{
		NodeID: []string{"_local"}, Metric: []string{"process"}, FilterPath: []string{"nodes.*.timestamp"},
	})
	if err != nil {
		return time.Time{}, err
	}
	for _, n := range a.Nodes {
		if n.Timestamp > 0 {
			return time.UnixMilli(n.Timestamp).UTC(), nil
		}
	}
	return time.Time{}, &failure.Error{Kind: failure.Refused, Op: op, Reason: "no node tells it"}
}
