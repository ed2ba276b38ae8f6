package settle

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Clock compares this machine's clock with the cluster's. The zero value uses the machine's clock
// alone. It is safe for concurrent use once its fields are set.
type Clock struct {
	// Machine is the machine's time; nil means [time.Now].
	Machine func() time.Time
	// Steady is a clock that is not affected when the machine's clock is set; nil means the
	// monotonic clock.
	Steady func() time.Duration

	mu sync.Mutex
	// cluster is a lower bound of the cluster's time at the moment when the steady clock showed
	// comparedAt; zero while it is not known.
	cluster    time.Time
	comparedAt time.Duration
}

const (
	// prompt is an answer time that is good enough to stop asking; maxTries bounds the number of
	// requests.
	prompt   = 100 * time.Millisecond
	maxTries = 3
)

// start is the origin of the monotonic clock.
var start = time.Now()

// Local returns the machine's time.
func (c *Clock) Local() time.Time {
	if c.Machine == nil {
		return time.Now()
	}
	return c.Machine()
}

func (c *Clock) steady() time.Duration {
	if c.Steady == nil {
		return time.Since(start)
	}
	return c.Steady()
}

// Now returns the cluster's time if known, else the machine's. It is the timestamp of what is
// written.
func (c *Clock) Now() time.Time {
	if at, known := c.clusterNow(); known {
		return at
	}
	return c.Local()
}

// Passed returns the time that both clocks have passed: the earlier of the two.
func (c *Clock) Passed() time.Time {
	local := c.Local()
	if at, known := c.clusterNow(); known && at.Before(local) {
		return at
	}
	return local
}

// Ahead returns how far the cluster's clock is ahead of the machine's; 0 while it is not known.
func (c *Clock) Ahead() time.Duration {
	at, known := c.clusterNow()
	if !known {
		return 0
	}
	return at.Round(0).Sub(c.Local().Round(0))
}

func (c *Clock) clusterNow() (at time.Time, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cluster.IsZero() {
		return time.Time{}, false
	}
	return c.cluster.Add(c.steady() - c.comparedAt), true
}

// Compare asks for the cluster's time. The cluster read its clock before the answer arrived, so the
// stored time is never ahead of the cluster's and behind it by no more than the request took. After
// a slow answer it asks again and keeps the best answer. On an error, the previous value stays.
func (c *Clock) Compare(ctx context.Context, ask func(context.Context) (time.Time, error)) error {
	var best time.Time
	var at time.Duration
	for range maxTries {
		sent := c.steady()
		answer, err := ask(ctx)
		came := c.steady()
		if err != nil {
			if best.IsZero() {
				return fmt.Errorf("the cluster's time cannot be read: %w", err)
			}
			break
		}
		if best.IsZero() || answer.After(best.Add(came-at)) {
			best, at = answer, came
		}
		if came-sent <= prompt {
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cluster, c.comparedAt = best.Round(0), at
	return nil
}
