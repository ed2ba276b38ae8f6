package settle

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Clock is this machine's clock beside the cluster's. The zero value is the machine's alone. It is safe for
// concurrent use once its fields are set.
type Clock struct {
	// Machine is the machine's time; nil means [time.Now].
	Machine func() time.Time
	// Steady is time that passes though somebody sets the machine's clock; nil means the monotonic clock.
	Steady func() time.Duration

	mu sync.Mutex
	// cluster is what the cluster's clock showed at the latest when the steady clock showed told; zero while
	// it is not known.
	cluster time.Time
	told    time.Duration
}

const (
	// prompt is an answer after which nothing better is asked for; mostTries bounds the questions.
	prompt    = 100 * time.Millisecond
	mostTries = 3
)

// start is what the monotonic clock is counted from.
var start = time.Now()

// Local is the machine's time.
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

// Now is the cluster's time where it is known, else the machine's: what is written is stamped with it.
func (c *Clock) Now() time.Time {
	if at, known := c.clusterNow(); known {
		return at
	}
	return c.Local()
}

// Passed is the time that both clocks have passed: the earlier of the two.
func (c *Clock) Passed() time.Time {
	local := c.Local()
	if at, known := c.clusterNow(); known && at.Before(local) {
		return at
	}
	return local
}

// Ahead is by how much the cluster's clock is ahead of the machine's; 0 while it is not known.
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
	return c.cluster.Add(c.steady() - c.told), true
}

// Compare asks for the cluster's time. The cluster told it at some moment before the answer came, so that its
// clock shows no less than that when it comes: the time that is kept is never ahead of the cluster's, and
// behind it by no more than the answer took. A slow one is asked for again, and the best kept. While the
// cluster does not tell, what is known stays.
func (c *Clock) Compare(ctx context.Context, ask func(context.Context) (time.Time, error)) error {
	var best time.Time
	var at time.Duration
	for range mostTries {
		sent := c.steady()
		told, err := ask(ctx)
		came := c.steady()
		if err != nil {
			if best.IsZero() {
				return fmt.Errorf("the cluster does not tell its time: %w", err)
			}
			break
		}
		if best.IsZero() || told.After(best.Add(came-at)) {
			best, at = told, came
		}
		if came-sent <= prompt {
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cluster, c.told = best.Round(0), at
	return nil
}
