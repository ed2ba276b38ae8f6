package scheduler_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/scheduler"
)

// TestRunWaitsForTheDelay: a run is due after its slot by the current delay; other jobs do not wait
// for it, and slots within the delay are not missed.
func TestRunWaitsForTheDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r record
		var delay atomic.Int64
		delay.Store(int64(20 * time.Second))
		slow := every(time.Minute, "slow", func(context.Context, time.Time) {})
		slow.Delay = func() time.Duration { return time.Duration(delay.Load()) }
		quick := every(time.Minute, "quick", func(context.Context, time.Time) {})
		time.AfterFunc(90*time.Second, func() { delay.Store(int64(30 * time.Second)) })
		time.AfterFunc(130*time.Second, func() { delay.Store(int64(70 * time.Second)) })
		if err := runFor(t, 5*time.Minute+15*time.Second, scheduler.Options{Hooks: r.hooks()}, slow, quick); err != nil {
			t.Fatal(err)
		}
		want := []string{
			"01:00 start quick 01:00 late 0s",
			"01:20 start slow 01:00 late 20s",
			"02:00 start quick 02:00 late 0s",
			"03:00 start quick 03:00 late 0s",
			"03:10 start slow 02:00 late 1m10s",
			"04:00 start quick 04:00 late 0s",
			"04:10 start slow 03:00 late 1m10s",
			"05:00 start quick 05:00 late 0s",
			"05:10 start slow 04:00 late 1m10s",
		}
		if diff := cmp.Diff(want, matching(r.lines, " start ")); diff != "" {
			t.Error(diff)
		}
		if missed := matching(r.lines, " missed "); len(missed) > 0 {
			t.Error(missed)
		}
	})
}

func matching(lines []string, what string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return !strings.Contains(line, what) })
}
