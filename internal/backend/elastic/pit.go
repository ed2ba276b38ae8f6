package elastic

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
	"tocsin/internal/search"
)

const (
	// keepAlive is how long a point in time lives after its last use; every page renews it.
	keepAlive = "1m"
	// closeTimeout bounds the clean-up after a search, even a cancelled one.
	closeTimeout = 5 * time.Second
)

// openPIT opens a point in time on the indices of patterns. Missing shards are reported by every search in
// it.
func (c *Client) openPIT(ctx context.Context, op string, patterns []string) (string, error) {
	type answer struct {
		ID string `json:"id"`
	}
	yes := true
	a, err := call[answer](ctx, c, op, func() esapi.Request {
		return esapi.OpenPointInTimeRequest{
			Index: escape(patterns), KeepAlive: keepAlive, IgnoreUnavailable: &yes, AllowPartialSearchResults: &yes,
		}
	})
	if err == nil && a.ID == "" {
		err = &failure.Error{Kind: failure.Unavailable, Op: op, Err: fmt.Errorf("%w: the id is missing", errIncomplete)}
	}
	return a.ID, err
}

// closePIT closes a point in time, even if ctx has ended. A failure is not an error: the point in time
// expires by itself.
func (c *Client) closePIT(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	body, err := search.JSON(map[string]string{"id": id}, "")
	if err != nil {
		return
	}
	_, err = try[struct{}](ctx, c, "close point in time", esapi.ClosePointInTimeRequest{Body: bytes.NewReader(body)})
	if err != nil && !notFound(err) {
		c.log.DebugContext(ctx, "point in time could not be closed", "error", err)
	}
}
