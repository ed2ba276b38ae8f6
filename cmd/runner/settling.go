package main

import (
	"context"
	"log/slog"
	"time"

	"tocsin/internal/scheduler/settle"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search/indexname"
)

const (
	// compareEvery is how often the clocks are compared, learnEvery how often indices are asked how they are
	// refreshed; learnWithin bounds that.
	compareEvery = 15 * time.Second
	learnEvery   = time.Minute
	learnWithin  = 20 * time.Second
	// toldFrom is the difference of clocks that is worth a line in the log.
	toldFrom = time.Second
)

// newClock is the machine's clock, off by what a test wants.
func newClock() *settle.Clock {
	wrong := wrongClock()
	return &settle.Clock{Machine: func() time.Time { return time.Now().Add(wrong) }}
}

// settling is when slots may be run, with what the cluster says so far.
type settling struct {
	*settle.Times

	serverTime func(context.Context) (time.Time, error)
	log        *slog.Logger
	// told is the difference of the clocks that was told last.
	told time.Duration
}

// settling makes it of a backend; fixed is what somebody wants to be waited.
func (a *app) settling(b *backend, fixed *time.Duration) *settling {
	s := &settling{
		Times:      &settle.Times{Clock: a.clock, Fixed: fixed, Log: a.global.log},
		serverTime: b.serverTime, log: a.global.log,
	}
	if b.refreshes != nil {
		s.Ask = func(ctx context.Context, patterns []string) (settle.Refresh, error) {
			now := a.clock.Now()
			names, err := indexname.Resolve(patterns, now, window.Window{From: now, To: now})
			if err != nil {
				return settle.Refresh{}, err //nolint:wrapcheck // it names the pattern
			}
			return b.refreshes(ctx, names)
		}
	}
	return s
}

// compare looks at the clocks. That the cluster's time cannot be read leaves the machine's.
func (s *settling) compare(ctx context.Context) {
	if s.serverTime == nil {
		return
	}
	if err := s.Clock.Compare(ctx, s.serverTime); err != nil {
		s.log.Debug("the clocks cannot be compared", "error", err)
		return
	}
	if ahead := s.Clock.Ahead(); (ahead - s.told).Abs() > toldFrom {
		s.told = ahead
		s.log.Warn("Elasticsearch's clock differs from this machine's: slots wait until both have passed them", "ahead", ahead.Round(time.Second).String())
	}
}

// learn asks how the indices are refreshed.
func (s *settling) learn(ctx context.Context, rules [][]string) {
	limited, cancel := context.WithTimeout(ctx, learnWithin)
	defer cancel()
	s.Update(limited, rules)
}

// keep compares and learns until the context ends, and tells of it after each.
func (s *settling) keep(ctx context.Context, rules [][]string, tell func()) {
	comparing, learning := time.NewTicker(compareEvery), time.NewTicker(learnEvery)
	defer comparing.Stop()
	defer learning.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-comparing.C:
			s.compare(ctx)
		case <-learning.C:
			s.learn(ctx, rules)
		}
		tell()
	}
}

// patternsOf returns the index patterns of each rule.
func patternsOf[R any](rules []R, of func(R) []string) [][]string {
	out := make([][]string, len(rules))
	for i, r := range rules {
		out[i] = of(r)
	}
	return out
}
