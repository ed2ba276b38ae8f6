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
	// compareEvery is the interval of comparing the clocks, learnEvery the interval of reading the indices'
	// refresh_interval; learnWithin is the timeout of reading it.
	compareEvery = 15 * time.Second
	learnEvery   = time.Minute
	learnWithin  = 20 * time.Second
	// toldFrom is the smallest change of the clock difference that is logged.
	toldFrom = time.Second
)

// newClock returns the machine's clock, with the offset of wrongClock.
func newClock() *settle.Clock {
	wrong := wrongClock()
	return &settle.Clock{Machine: func() time.Time { return time.Now().Add(wrong) }}
}

// settling decides from when on slots may be run, by the cluster's clock and refresh intervals.
type settling struct {
	*settle.Times

	serverTime func(context.Context) (time.Time, error)
	log        *slog.Logger
	// told is the clock difference that was logged last.
	told time.Duration
}

// settling returns the settling of a backend. fixed is the value of --settle, nil if it is not set.
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

// compare compares the clocks. If the cluster's time cannot be read, only the machine's clock counts.
func (s *settling) compare(ctx context.Context) {
	if s.serverTime == nil {
		return
	}
	if err := s.Clock.Compare(ctx, s.serverTime); err != nil {
		s.log.Debug("the clocks could not be compared", "error", err)
		return
	}
	if ahead := s.Clock.Ahead(); (ahead - s.told).Abs() > toldFrom {
		s.told = ahead
		s.log.Warn("Elasticsearch's clock differs from this machine's: slots wait until both have passed them", "ahead", ahead.Round(time.Second))
	}
}

// learn reads the refresh_interval of the rules' indices.
func (s *settling) learn(ctx context.Context, rules [][]string) {
	limited, cancel := context.WithTimeout(ctx, learnWithin)
	defer cancel()
	s.Update(limited, rules)
}

// keep compares the clocks and reads refresh intervals until the context ends, and calls tell after each.
func (s *settling) keep(ctx context.Context, rules func() [][]string, tell func()) {
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
			s.learn(ctx, rules())
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
