package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/scheduler"
)

func TestRunKeepsToTheGrid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := scheduler.Interval(5*time.Minute, 17*time.Second)
		want := base.Add(17 * time.Second)
		runs := 0
		job := scheduler.Job{ID: "a", Slots: slots, Run: func(_ context.Context, slot time.Time) {
			if !slot.Equal(want) || !time.Now().Equal(want) {
				t.Errorf("at %s: ran for slot %s, want %s", time.Now().UTC(), slot, want)
			}
			want = want.Add(5 * time.Minute)
			runs++
		}}
		if err := runFor(t, 24*time.Hour, scheduler.Options{}, job); err != nil {
			t.Fatal(err)
		}
		if runs != 288 {
			t.Errorf("%d runs in a day, want 288", runs)
		}
	})
}

func TestRunCatchesUpAfterALongRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r record
		job := every(5*time.Minute, "a", func(_ context.Context, slot time.Time) {
			if slot.Equal(base.Add(5 * time.Minute)) {
				time.Sleep(17 * time.Minute)
			}
		})
		if err := runFor(t, 31*time.Minute, scheduler.Options{Hooks: r.hooks()}, job); err != nil {
			t.Fatal(err)
		}
		want := []string{
			"05:00 start a 05:00 late 0s",
			"22:00 end a 05:00 took 17m0s: <nil>",
			"22:00 missed a 3",
			"22:00 start a 10:00 late 12m0s",
			"22:00 end a 10:00 took 0s: <nil>",
			"22:00 start a 15:00 late 7m0s",
			"22:00 end a 15:00 took 0s: <nil>",
			"22:00 start a 20:00 late 2m0s",
			"22:00 end a 20:00 took 0s: <nil>",
			"25:00 start a 25:00 late 0s",
			"25:00 end a 25:00 took 0s: <nil>",
			"30:00 start a 30:00 late 0s",
			"30:00 end a 30:00 took 0s: <nil>",
		}
		if diff := cmp.Diff(want, r.lines); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// Each slot is counted as missed once, however far behind its job is; a run that ends exactly when
// the next slot comes due has missed nothing.
func TestRunCountsMissedSlotsOnce(t *testing.T) {
	tests := []struct {
		name   string
		after  time.Time
		takes  time.Duration
		runs   int
		missed []int
	}{
		{"punctual", time.Time{}, time.Second, 9, nil},
		{"ends as the next begins", time.Time{}, time.Minute, 9, nil},
		{"always too long", time.Time{}, 150 * time.Second, 4, []int{2, 2, 3}},
		{"behind at the start", base.Add(-5 * time.Minute), time.Second, 14, []int{4, 1}},
		{"behind and slow", base.Add(-3 * time.Minute), 150 * time.Second, 4, []int{2, 3, 2, 3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var missed []int
				runs := 0
				want := base.Add(time.Minute)
				if !tt.after.IsZero() {
					want = tt.after.Add(time.Minute)
				}
				job := every(time.Minute, "a", func(_ context.Context, slot time.Time) {
					if !slot.Equal(want) {
						t.Errorf("slot %s, want %s", slot, want)
					}
					want = want.Add(time.Minute)
					runs++
					time.Sleep(tt.takes)
				})
				job.After = tt.after
				opts := scheduler.Options{Grace: time.Hour, Hooks: scheduler.Hooks{
					Missed: func(_ string, n int) { missed = append(missed, n) },
				}}
				if err := runFor(t, 9*time.Minute+30*time.Second, opts, job); err != nil {
					t.Fatal(err)
				}
				if runs != tt.runs {
					t.Errorf("%d runs, want %d", runs, tt.runs)
				}
				if diff := cmp.Diff(tt.missed, missed); diff != "" {
					t.Errorf("missed (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestRunGoesOnAfterAPanic(t *testing.T) {
	tests := []struct {
		name string
		fail func()
		want func(error) bool
	}{
		{"panic with text", func() { panic("boom") }, func(err error) bool {
			p, ok := errors.AsType[*scheduler.PanicError](err)
			return ok && p.Value == "boom" && strings.Contains(string(p.Stack), "run_test.go") &&
				err.Error() == "run panicked: boom"
		}},
		{"panic with an error", func() { panic(context.Canceled) }, func(err error) bool {
			return errors.Is(err, context.Canceled)
		}},
		{"panic of the runtime", func() { maps.Copy(map[string]int(nil), map[string]int{"a": 1}) }, func(err error) bool {
			_, ok := errors.AsType[runtime.Error](err)
			return ok
		}},
		{"goroutine ended", runtime.Goexit, func(err error) bool { return err != nil }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				failed, ran := 0, map[string]int{}
				opts := scheduler.Options{Hooks: scheduler.Hooks{
					Started: func(id string, _ time.Time, _ time.Duration) { ran[id]++ },
					Ended: func(id string, _ time.Time, _ time.Duration, err error) {
						if id == "bad" && tt.want(err) {
							failed++
						} else if err != nil {
							t.Errorf("%s: %v", id, err)
						}
					},
				}}
				bad := every(time.Minute, "bad", func(context.Context, time.Time) { tt.fail() })
				good := every(time.Minute, "good", func(context.Context, time.Time) {})
				if err := runFor(t, 3*time.Minute+time.Second, opts, bad, good); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(map[string]int{"bad": 3, "good": 3}, ran); diff != "" || failed != 3 {
					t.Errorf("%d failures reported, want 3; runs (-want +got):\n%s", failed, diff)
				}
			})
		})
	}
}

func TestRunRespectsConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r record
		var order []string
		hooks := r.hooks()
		hooks.Started = func(id string, _ time.Time, late time.Duration) {
			order = append(order, fmt.Sprintf("%s+%s", id, late))
		}
		var jobs []scheduler.Job
		for _, id := range []string{"a", "b", "c", "d", "e"} {
			jobs = append(jobs, every(time.Minute, id, func(context.Context, time.Time) { time.Sleep(10 * time.Second) }))
		}
		if err := runFor(t, 2*time.Minute-time.Second, scheduler.Options{Concurrency: 2, Hooks: hooks}, jobs...); err != nil {
			t.Fatal(err)
		}
		want := []string{"a+0s", "b+0s", "c+10s", "d+10s", "e+20s"}
		if diff := cmp.Diff(want, order); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if r.most != 2 {
			t.Errorf("at most %d runs at once, want 2", r.most)
		}
	})
}

// A job with a day to catch up with takes turns with a punctual one.
func TestRunIsFairWhileCatchingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var worst time.Duration
		caught := 0
		work := func(context.Context, time.Time) { time.Sleep(time.Second) }
		behind := every(time.Minute, "behind", work)
		behind.After = base.Add(-24 * time.Hour)
		punctual := every(time.Minute, "punctual", work)
		opts := scheduler.Options{Concurrency: 1, Hooks: scheduler.Hooks{
			Started: func(id string, _ time.Time, late time.Duration) {
				if id == "punctual" {
					worst = max(worst, late)
				} else {
					caught++
				}
			},
		}}
		if err := runFor(t, time.Hour-500*time.Millisecond, opts, behind, punctual); err != nil && !errors.Is(err, scheduler.ErrCutOff) {
			t.Fatal(err)
		}
		if worst > time.Second {
			t.Errorf("the punctual job waited %s, want at most one run of the other", worst)
		}
		if caught < 1440 {
			t.Errorf("%d slots were caught up, want the 1,440 of a day", caught)
		}
	})
}

func TestRunGivesEachRunItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r record
		job := every(time.Minute, "a", func(ctx context.Context, _ time.Time) {
			<-ctx.Done()
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				t.Errorf("context ended with %v", ctx.Err())
			}
		})
		job.Timeout = 40 * time.Second
		if err := runFor(t, 119*time.Second, scheduler.Options{Hooks: r.hooks()}, job); err != nil {
			t.Fatal(err)
		}
		want := []string{"01:00 start a 01:00 late 0s", "01:40 end a 01:00 took 40s: <nil>"}
		if diff := cmp.Diff(want, r.lines); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestRunReportsExhaustedJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never, err := scheduler.Cron("0 0 30 2 *", nil)
		if err != nil {
			t.Fatal(err)
		}
		var r record
		job := scheduler.Job{ID: "never", Slots: never, Run: func(context.Context, time.Time) { t.Error("ran") }}
		if err := runFor(t, time.Hour, scheduler.Options{Hooks: r.hooks()}, job); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"00:00 exhausted never"}, r.lines); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// The timer of a suspended machine stands still while the clock goes on: slots must be noticed
// soon after, not when the timer would have fired.
func TestRunNoticesAClockThatJumps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var jump atomic.Int64
		var starts []string
		opts := scheduler.Options{
			Now: func() time.Time { return time.Now().Add(time.Duration(jump.Load())) },
			Hooks: scheduler.Hooks{Started: func(_ string, slot time.Time, _ time.Duration) {
				starts = append(starts, clock(time.Since(base))+" for "+clock(slot.Sub(base)))
			}},
		}
		time.AfterFunc(20*time.Second, func() { jump.Store(int64(2 * time.Hour)) })
		job := every(time.Hour, "a", func(context.Context, time.Time) {})
		if err := runFor(t, time.Minute, opts, job); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"00:30 for 60:00", "00:30 for 120:00"}, starts); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestRunRefusesFaultyJobs(t *testing.T) {
	good := every(time.Minute, "a", func(context.Context, time.Time) {})
	tests := []struct {
		name   string
		change func(*scheduler.Job, *scheduler.Options)
		want   string
	}{
		{"no id", func(j *scheduler.Job, _ *scheduler.Options) { j.ID = "" }, "job 1 has no id"},
		{"same id", func(j *scheduler.Job, _ *scheduler.Options) { j.ID = "a" }, `two jobs have the id "a"`},
		{"no slots", func(j *scheduler.Job, _ *scheduler.Options) { j.Slots = nil }, `job "b" lacks slots`},
		{"no func", func(j *scheduler.Job, _ *scheduler.Options) { j.Run = nil }, `job "b" lacks`},
		{"timeout", func(j *scheduler.Job, _ *scheduler.Options) { j.Timeout = -1 }, `job "b" has the negative timeout`},
		{"concurrency", func(_ *scheduler.Job, o *scheduler.Options) { o.Concurrency = -1 }, "concurrency -1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			job, opts := good, scheduler.Options{}
			job.ID = "b"
			tt.change(&job, &opts)
			s := scheduler.New([]scheduler.Job{good, job}, opts)
			now := func(scheduler.Job) time.Time { return base }
			for _, err := range []error{s.Run(t.Context()), s.RunOnce(t.Context(), now)} {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error %v, want %q", err, tt.want)
				}
			}
		})
	}
}

// every returns a job that runs each interval from the epoch.
func every(interval time.Duration, id string, run func(context.Context, time.Time)) scheduler.Job {
	return scheduler.Job{ID: id, Slots: scheduler.Interval(interval, 0), Run: run}
}

// runFor runs the jobs, cancels after d of bubble time and returns what Run returned.
func runFor(t *testing.T, d time.Duration, opts scheduler.Options, jobs ...scheduler.Job) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	return scheduler.New(jobs, opts).Run(ctx)
}
