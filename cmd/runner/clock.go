package main

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// clock is the machine's, set right by the cluster's where there is one: slots that come too early
// would read windows whose events are not there yet, and count them as covered.
type clock struct {
	// wrong is by how much a test wants the machine's clock to be off.
	wrong time.Duration
	// correction is what is added to it.
	correction atomic.Int64
}

const (
	// tolerated is how far clocks may be apart before it matters.
	tolerated = 2 * time.Second
	// compareEvery is how often they are compared.
	compareEvery = time.Minute
)

// local is the machine's time, which durations are measured with.
func (c *clock) local() time.Time { return time.Now().Add(c.wrong) }

// Now is the time that rules run by.
func (c *clock) Now() time.Time { return c.local().Add(time.Duration(c.correction.Load())) }

// compare sets the clock right. That the cluster does not tell its time leaves it as it is.
func (c *clock) compare(ctx context.Context, server func(context.Context) (time.Time, error), log *slog.Logger) {
	if server == nil {
		return
	}
	sent := c.local()
	at, err := server(ctx)
	if err != nil {
		log.Debug("the cluster does not tell its time", "error", err)
		return
	}
	// It was told at some moment between the question and the answer.
	took := c.local().Sub(sent)
	by := at.Sub(sent.Add(took / 2))
	if by.Abs() <= tolerated+took/2 {
		by = 0
	}
	if old := time.Duration(c.correction.Swap(int64(by))); (old - by).Abs() > tolerated {
		log.Warn("this machine's clock differs from Elasticsearch's, whose time is used", "by", (-by).Round(time.Second).String())
	}
}

// keep compares now and then until the context ends.
func (c *clock) keep(ctx context.Context, server func(context.Context) (time.Time, error), log *slog.Logger) {
	ticker := time.NewTicker(compareEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			c.compare(ctx, server, log)
		}
	}
}
