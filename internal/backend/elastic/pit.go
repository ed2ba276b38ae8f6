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
	// keepAlive is how long a point in time outlives its last use; every page renews it.
	keepAlive = "1m"
	// closeTimeout bounds the clean-up after a search, also after a cancelled one.
	closeTimeout = 5 * time.Second
)

// openPIT opens a point in time over what patterns match. Shards that
// are not there are told by every search in it.
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
		err = &failure.Error{Kind: failure.Unavailable, Op: op, Err: fmt.Errorf("%w: it has no id", errIncomplete)}
	}
	return a.ID, err
}

// closePIT frees a point in time even when ctx has ended. That it cannot is not worth an error: it
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
		c.log.DebugContext(ctx, "cannot close a point in time", "error", err)
	}
}
