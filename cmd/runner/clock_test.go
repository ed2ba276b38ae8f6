package main

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// TestClock: the machine's clock is set right by the cluster's where it matters, and keeps what it had
// while the cluster does not tell.
func TestClock(t *testing.T) {
	for _, tt := range []struct {
		name         string
		wrong, after time.Duration
		took         time.Duration
		err          error
	}{
		{"right", 0, 0, time.Millisecond, nil},
		{"nearly", time.Second, time.Second, time.Millisecond, nil},
		{"fast", 90 * time.Second, 0, 0, nil},
		{"slow", -90 * time.Second, 0, 0, nil},
		{"told late", 3 * time.Second, 3 * time.Second, 4 * time.Second, nil},
		{"not told", 90 * time.Second, 90 * time.Second, 0, errors.New("may not ask")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &clock{wrong: tt.wrong}
				server := func(context.Context) (time.Time, error) {
					time.Sleep(tt.took / 2)
					at := time.Now()
					time.Sleep(tt.took / 2)
					return at, tt.err
				}
				c.compare(t.Context(), server, slog.New(slog.DiscardHandler))
				if got := time.Until(c.Now()); got != tt.after {
					t.Errorf("off by %s, want %s", got, tt.after)
				}
				if got := time.Until(c.local()); got != tt.wrong {
					t.Errorf("durations are measured with a clock that is off by %s, want %s", got, tt.wrong)
				}
				// A clock that somebody sets is right again.
				c.wrong = 0
				if c.compare(t.Context(), server, slog.New(slog.DiscardHandler)); tt.err == nil && time.Until(c.Now()) != 0 {
					t.Errorf("after it was set: off by %s", time.Until(c.Now()))
				}
			})
		})
	}
	c := &clock{}
	c.compare(t.Context(), nil, slog.New(slog.DiscardHandler)) // nobody to ask
}
