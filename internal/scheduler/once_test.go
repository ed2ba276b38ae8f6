package scheduler_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/scheduler"
)

func TestRunOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		ran := make(map[string]string)
		run := func(id string) func(context.Context, time.Time) {
			return func(_ context.Context, slot time.Time) {
				time.Sleep(10 * time.Second)
				mu.Lock()
				defer mu.Unlock()
				ran[id] += slot.Format(time.TimeOnly)
			}
		}
		never, err := scheduler.Cron("0 0 30 2 *", nil)
		if err != nil {
			t.Fatal(err)
		}
		jobs := []scheduler.Job{
			every(5*time.Minute, "a", run("a")),
			every(time.Hour, "b", run("b")),
			every(time.Minute, "c", run("c")),
			{ID: "never", Slots: never, Run: run("never")},
		}
		var r record
		now := base.Add(10*time.Hour + 7*time.Minute + 30*time.Second)
		s := scheduler.New(jobs, scheduler.Options{Concurrency: 2, Hooks: r.hooks()})
		if err := s.RunOnce(t.Context(), func(j scheduler.Job) time.Time { return j.Slots.Prev(now) }); err != nil {
			t.Fatal(err)
		}

		want := map[string]string{"a": "10:05:00", "b": "10:00:00", "c": "10:07:00"}
		if diff := cmp.Diff(want, ran); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if r.most != 2 || time.Since(base) != 20*time.Second {
			t.Errorf("at most %d at once and %s in all, want 2 and 20s", r.most, time.Since(base))
		}
		slices.Sort(r.lines)
		wantLines := []string{
			"00:00 exhausted never",
			"00:00 start a 605:00 late 0s",
			"00:00 start b 600:00 late 0s",
			"00:10 end a 605:00 took 10s: <nil>",
			"00:10 end b 600:00 took 10s: <nil>",
			"00:10 start c 607:00 late 0s",
			"00:20 end c 607:00 took 10s: <nil>",
		}
		if diff := cmp.Diff(wantLines, r.lines); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestRunOnceWithoutJobs(t *testing.T) {
	s := scheduler.New(nil, scheduler.Options{})
	if err := s.RunOnce(t.Context(), func(scheduler.Job) time.Time { return base }); err != nil {
		t.Error(err)
	}
}

// A scheduler keeps no state: it can be run again.
func TestRunOnceTwice(t *testing.T) {
	var mu sync.Mutex
	ran := make(map[string]int)
	var jobs []scheduler.Job
	for _, id := range []string{"a", "b", "c"} {
		jobs = append(jobs, every(time.Minute, id, func(context.Context, time.Time) {
			mu.Lock()
			defer mu.Unlock()
			ran[id]++
		}))
	}
	s := scheduler.New(jobs, scheduler.Options{})
	for range 2 {
		if err := s.RunOnce(t.Context(), func(scheduler.Job) time.Time { return base }); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(map[string]int{"a": 2, "b": 2, "c": 2}, ran); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRunOnceCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("interrupted")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(5*time.Second, func() { cancel(cause) })

		var r record
		wait := func(ctx context.Context, _ time.Time) { <-ctx.Done() }
		jobs := []scheduler.Job{every(time.Minute, "a", wait), every(time.Minute, "b", wait), every(time.Minute, "c", wait)}
		s := scheduler.New(jobs, scheduler.Options{Concurrency: 1, Grace: 2 * time.Second, Hooks: r.hooks()})
		err := s.RunOnce(ctx, func(scheduler.Job) time.Time { return base })

		if !errors.Is(err, cause) || !errors.Is(err, scheduler.ErrCutOff) || !strings.Contains(err.Error(), "2 jobs were not run") {
			t.Errorf("error %v, want one that names the cause, the jobs left out and the cut-off", err)
		}
		want := []string{"00:00 start a 00:00 late 0s", "00:07 end a 00:00 took 7s: <nil>"}
		if diff := cmp.Diff(want, r.lines); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestRunOnceReportsPanics(t *testing.T) {
	failed := make(map[string]bool)
	opts := scheduler.Options{Hooks: scheduler.Hooks{
		Ended: func(id string, _ time.Time, _ time.Duration, err error) { failed[id] = err != nil },
	}}
	bad := every(time.Minute, "bad", func(context.Context, time.Time) { panic("boom") })
	good := every(time.Minute, "good", func(context.Context, time.Time) {})
	s := scheduler.New([]scheduler.Job{bad, good}, opts)
	if err := s.RunOnce(t.Context(), func(scheduler.Job) time.Time { return base }); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(failed, map[string]bool{"bad": true, "good": false}) {
		t.Errorf("failed = %v", failed)
	}
}
