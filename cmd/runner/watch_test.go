package main

import (
	"context"
	"testing"
	"time"
)

// TestWatchSinceRead: a file that changes after it was read and before it is watched is met, and one that does not is not.
func TestWatchSinceRead(t *testing.T) {
	t.Parallel()
	for name, changes := range map[string]bool{"changed": true, "unchanged": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "rule.toml", "one")
			before := contentBefore(t.Context(), []string{dir})
			if changes {
				write(t, dir, "rule.toml", "two")
			}
			met := make(chan struct{}, 10)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				watch(ctx, []string{dir}, before, func() { met <- struct{}{} }, func(err error) { t.Error(err) })
			}()
			select {
			case <-met:
				if !changes {
					t.Error("a change was met that nobody made")
				}
			case <-time.After(map[bool]time.Duration{true: 30 * time.Second, false: 3 * quiet}[changes]):
				if changes {
					t.Error("the change was not met")
				}
			}
			cancel()
			<-ended
		})
	}
}
