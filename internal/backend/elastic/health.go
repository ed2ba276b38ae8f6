package elastic

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"
)

const (
	// A cluster is busy if it has more than mostPending pending tasks, or more than mostMoving shards that are moved or
	// started.
	mostPending = 50
	mostMoving  = 8
	// healthEvery is the interval between health checks.
	healthEvery = 5 * time.Second
	// mostHeld is the maximum time for which background work is paused. A cluster may be red permanently because of an
	// unimportant index, and slots must not stay open for that reason.
	mostHeld = 15 * time.Minute
)

// Calm waits until the cluster is not busy, so that background work may continue: while it is red, has many pending tasks
// or moves many shards, but for a quarter of an hour at most. Without the privilege to read the cluster's health it does
// not wait, and logs that once. It fails only when the context ends.
func (c *Client) Calm(ctx context.Context) error {
	begun := time.Now()
	for told := false; ; told = true {
		busy, err := c.busy(ctx)
		switch {
		case hasStatus(err, http.StatusForbidden):
			c.unasked.Do(func() {
				c.log.WarnContext(ctx, "no privilege to read the cluster's health: background work does not pause while the cluster is busy", "error", err)
			})
			return nil
		case err != nil:
			busy = err.Error()
		case busy == "":
			return nil
		}
		if time.Since(begun) >= mostHeld {
			c.log.WarnContext(ctx, "background work resumed although the cluster is busy", "state", busy)
			return nil
		}
		if !told {
			c.log.InfoContext(ctx, "background work paused: the cluster is busy", "state", busy)
		}
		if err := wait(ctx, healthEvery); err != nil {
			return err
		}
	}
}

// busy returns why the cluster is busy; "" if it is not.
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
