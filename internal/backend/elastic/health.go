package elastic

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"
)

const (
	// mostPending and mostMoving are the cluster tasks that wait, and the shards that move, beyond which
	// a cluster has enough to do.
	mostPending = 50
	mostMoving  = 8
	// healthEvery is how often it is asked.
	healthEvery = 5 * time.Second
	// mostHeld is how long work is held up at most: a cluster may be red for good because of an index
	// that nobody cares for, and slots must not stay open for that.
	mostHeld = 15 * time.Minute
)

// Calm returns when work that can wait may go on: not while the cluster is red, has many tasks
// pending or moves many shards, for a quarter of an hour at most. Who may not ask is not held up, and
// told so once. It fails only when the context ends.
func (c *Client) Calm(ctx context.Context) error {
	begun := time.Now()
	for told := false; ; told = true {
		busy, err := c.busy(ctx)
		switch {
		case hasStatus(err, http.StatusForbidden):
			c.unasked.Do(func() {
				c.log.WarnContext(ctx, "the health of the cluster may not be asked for: work that can wait does not heed it", "error", err)
			})
			return nil
		case err != nil:
			busy = err.Error()
		case busy == "":
			return nil
		}
		if time.Since(begun) >= mostHeld {
			c.log.WarnContext(ctx, "work that can wait has done so for long, and goes on", "although", busy)
			return nil
		}
		if !told {
			c.log.InfoContext(ctx, "work that can wait does so", "because", busy)
		}
		if err := wait(ctx, healthEvery); err != nil {
			return err
		}
	}
}

// busy says what the cluster is busy with; "" when it is not.
func (c *Client) busy(ctx context.Context) (string, error) {
	type answer struct {
		Status     string `json:"status"`
		Pending    int    `json:"number_of_pending_tasks"`
		Relocating int    `json:"relocating_shards"`
		Starting   int    `json:"initializing_shards"`
	}
	a, err := try[answer](ctx, c, "ask for the health of the cluster", esapi.ClusterHealthRequest{})
	switch {
	case err != nil:
		return "", err
	case a.Status == "red":
		return "the cluster is red", nil
	case a.Pending > mostPending:
		return fmt.Sprintf("%d cluster tasks are pending", a.Pending), nil
	case a.Relocating+a.Starting > mostMoving:
		return fmt.Sprintf("%d shards are being moved or started", a.Relocating+a.Starting), nil
	}
	return "", nil
}
