package scheduler_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/scheduler"
)

func TestRunStopsWithGrace(t *testing.T) {
	tests := []struct {
		name  string
		grace time.Duration
		takes time.Duration // How long the run would take if it were not cut off.
		cut   bool
		after time.Duration // When Run returns, counted from the cancellation.
	}{
		{"nothing in flight", time.Minute, time.Second, false, 0},
		{"ends within the grace", time.Minute, 30 * time.Second, false, 15 * time.Second},
		{"is cut off", 5 * time.Second, 30 * time.Second, true, 5 * time.Second},
		{"no grace", 0, 30 * time.Second, true, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				runs := 0
				job := every(time.Minute, "a", func(ctx context.Context, _ time.Time) {
					runs++
					select {
					case <-time.After(tt.takes):
					case <-ctx.Done():
						if cause := context.Cause(ctx); !errors.Is(cause, scheduler.ErrCutOff) {
							t.Errorf("cause %v, want %v", cause, scheduler.ErrCutOff)
						}
					}
				})
				err := runFor(t, 75*time.Second, scheduler.Options{Grace: tt.grace}, job)
				if got := errors.Is(err, scheduler.ErrCutOff); got != tt.cut || (!tt.cut && err != nil) {
					t.Errorf("error %v, want one of a cut-off: %v", err, tt.cut)
				}
				if got := time.Since(base) - 75*time.Second; got != tt.after {
					t.Errorf("returned %s after the cancellation, want %s", got, tt.after)
				}
				if runs != 1 {
					t.Errorf("%d runs, want 1", runs)
				}
			})
		})
	}
}

// Slots that come due, and jobs that wait for a place, are not run during the grace period.
func TestRunStartsNothingAfterCancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r record
		slow := func(context.Context, time.Time) { time.Sleep(90 * time.Second) }
		opts := scheduler.Options{Concurrency: 1, Grace: time.Hour, Hooks: r.hooks()}
		err := runFor(t, 70*time.Second, opts, every(time.Minute, "a", slow), every(time.Minute, "b", slow))
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"01:00 start a 01:00 late 0s", "02:30 end a 01:00 took 1m30s: <nil>"}
		if diff := cmp.Diff(want, r.lines); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestRunWithACancelledContextRunsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	job := every(time.Nanosecond, "a", func(context.Context, time.Time) { t.Error("ran") })
	if err := scheduler.New([]scheduler.Job{job}, scheduler.Options{}).Run(ctx); err != nil {
		t.Error(err)
	}
}

// Runs see the values of the scheduler's context, but not its cancellation.
func TestRunPassesContextValues(t *testing.T) {
	type key struct{}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
		job := every(time.Minute, "a", func(ctx context.Context, _ time.Time) {
			cancel()
			if ctx.Value(key{}) != "value" || ctx.Err() != nil {
				t.Errorf("value %v, error %v", ctx.Value(key{}), ctx.Err())
			}
		})
		if err := scheduler.New([]scheduler.Job{job}, scheduler.Options{Grace: time.Second}).Run(ctx); err != nil {
			t.Error(err)
		}
	})
}
