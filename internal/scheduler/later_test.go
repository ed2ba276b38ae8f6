package scheduler_test

import (
	"testing"
	"time"

	"tocsin/internal/scheduler"
)

func TestLater(t *testing.T) {
	hours, err := scheduler.Cron("0 * * * *", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	at := func(hour, minute int) time.Time { return time.Date(2026, 1, 15, hour, minute, 0, 0, time.UTC) }
	moved := scheduler.Later(hours, 17*time.Minute)
	for _, tt := range []struct{ of, next, prev time.Time }{
		{at(12, 0), at(12, 17), at(11, 17)}, {at(12, 17), at(13, 17), at(12, 17)}, {at(12, 16), at(12, 17), at(11, 17)}, {at(12, 30), at(13, 17), at(12, 17)},
	} {
		if next, prev := moved.Next(tt.of), moved.Prev(tt.of); !next.Equal(tt.next) || !prev.Equal(tt.prev) {
			t.Errorf("%s: next %s, prev %s", tt.of, next, prev)
		}
	}
	if none := scheduler.Later(scheduler.Interval(0, 0), time.Minute); !none.Next(at(1, 0)).IsZero() || !none.Prev(at(1, 0)).IsZero() {
		t.Error("slots of a grid without any")
	}
	if scheduler.Later(hours, 0).Next(at(12, 0)) != at(13, 0) {
		t.Error("not moved")
	}
}
