package elastic

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"
)

const (
	// maxPending and mostMoving are the numbers of pending cluster tasks and of relocating shards above
	// which the cluster counts as busy.
	maxPending    = 50
	maxRelocating = 8
	// healthInterval is the interval between health checks.
	healthInterval = 5 * time.Second
	// maxDelay is the maximum delay of background work: a cluster may be red permanently because of an
	// unimportant index, and slots must not stay open for that.
	maxDelay = 15 * time.Minute
)

// Calm returns when background work may run: it waits while the cluster is red, has many pending tasks or
// relocates many shards, at most maxDelay. Without the privilege to read the health it does not wait, and
// logs that once. It fails only when the context ends.
func (c *Client) Calm(ctx context.Context) error {
	begun := time.Now()
	for told := false; ; told = true {
		busy, err := c.busy(ctx)
		switch {
		case hasStatus(err, http.StatusForbidden):
			c.healthWarned.Do(func() {
				c.log.WarnContext(ctx, "cluster health may not be read: background work does not wait for it", "error", err)
			})
			return nil
		case err != nil:
			busy = err.Error()
		case busy == "":
			return nil
		}
		if time.Since(begun) >= maxDelay {
			c.log.WarnContext(ctx, "catch-up resumed although the cluster is busy", "reason", busy)
			return nil
		}
		if !told {
			c.log.InfoContext(ctx, "catch-up paused while the cluster is busy", "reason", busy)
		}
		if err := wait(ctx, healthInterval); err != nil {
			return err
		}
	}
}

// busy returns what the cluster is busy with; "" if it is not busy.
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
	case a.Pending > maxPending:
		return fmt.Sprintf("%d cluster tasks are pending", a.Pending), nil
	case a.Relocating+a.Starting > maxRelocating:
		return fmt.Sprintf("%d shards are being moved or started", a.Relocating+a.Starting), nil
	}
	return "", nil
}
