package scheduler_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/scheduler"
)

func TestInterval(t *testing.T) {
	tests := []struct {
		name          string
		every, offset time.Duration
		at            string
		prev, next    string
	}{
		{"between slots", 5 * time.Minute, 0, "2026-01-01T00:07:00Z", "2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z"},
		{"on a slot", 5 * time.Minute, 0, "2026-01-01T00:05:00Z", "2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z"},
		{"just before a slot", 5 * time.Minute, 0, "2026-01-01T00:04:59.999999999Z", "2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z"},
		{"offset", 5 * time.Minute, 42 * time.Second, "2026-01-01T00:05:00Z", "2026-01-01T00:00:42Z", "2026-01-01T00:05:42Z"},
		{"offset above the interval", 5 * time.Minute, 5*time.Minute + time.Second, "2026-01-01T00:05:00Z", "2026-01-01T00:00:01Z", "2026-01-01T00:05:01Z"},
		{"negative offset", 5 * time.Minute, -time.Second, "2026-01-01T00:05:00Z", "2026-01-01T00:04:59Z", "2026-01-01T00:09:59Z"},
		{"seven days from the epoch, a Thursday", 7 * 24 * time.Hour, 0, "2026-01-03T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z"},
		{"interval that no day is made of", 7 * time.Minute, 0, "1970-01-01T00:08:00Z", "1970-01-01T00:07:00Z", "1970-01-01T00:14:00Z"},
		{"before the epoch", 7 * time.Minute, 0, "1969-12-31T23:59:00Z", "1969-12-31T23:53:00Z", "1970-01-01T00:00:00Z"},
		{"below a second", 250 * time.Millisecond, 0, "2026-01-01T00:00:00.3Z", "2026-01-01T00:00:00.25Z", "2026-01-01T00:00:00.5Z"},
		{"other zone", time.Hour, 0, "2026-01-01T00:30:00+05:30", "2025-12-31T19:00:00Z", "2025-12-31T20:00:00Z"},
		{"no interval", 0, 0, "2026-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			slots := scheduler.Interval(tt.every, tt.offset)
			at := mustTime(t, tt.at)
			if diff := cmp.Diff(mustTime(t, tt.prev), slots.Prev(at)); diff != "" {
				t.Errorf("Prev (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(mustTime(t, tt.next), slots.Next(at)); diff != "" {
				t.Errorf("Next (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIntervalProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		every := time.Duration(rapid.Int64Range(1, int64(400*24*time.Hour)).Draw(t, "every"))
		offset := time.Duration(rapid.Int64Range(0, int64(every)-1).Draw(t, "offset"))
		slots := scheduler.Interval(every, offset)
		at := moment().Draw(t, "at")
		checkGrid(t, slots, at)

		// The grid contains the epoch plus the offset, whatever time is asked about.
		if first := time.Unix(0, 0).Add(offset).UTC(); !slots.Prev(first).Equal(first) {
			t.Fatalf("%s is not a slot", first)
		}
		if got := slots.Next(at).Sub(slots.Prev(at)); got != every {
			t.Fatalf("slots around %s are %s apart, want %s", at, got, every)
		}
	})
}

// checkGrid checks properties of any slots without an end.
func checkGrid(t *rapid.T, slots scheduler.Slots, at time.Time) {
	t.Helper()
	prev, next := slots.Prev(at), slots.Next(at)
	switch {
	case prev.After(at) || !next.After(at):
		t.Fatalf("%s is not in [%s, %s)", at, prev, next)
	case !slots.Prev(prev).Equal(prev):
		t.Fatalf("Prev of the slot %s is %s", prev, slots.Prev(prev))
	case !slots.Next(prev).Equal(next):
		t.Fatalf("Next of %s is %s, but of its Prev %s", at, next, slots.Next(prev))
	case !slots.Prev(next.Add(-1)).Equal(prev):
		t.Fatalf("Prev just before %s is %s, want %s", next, slots.Prev(next.Add(-1)), prev)
	case !slots.Next(next.Add(-1)).Equal(next):
		t.Fatalf("Next just before %s is %s", next, slots.Next(next.Add(-1)))
	case !slots.Prev(next).Equal(next):
		t.Fatalf("Prev of the slot %s is %s", next, slots.Prev(next))
	case next.Location() != time.UTC || prev.Location() != time.UTC:
		t.Fatalf("%s or %s is not in UTC", prev, next)
	}
}

func TestBetween(t *testing.T) {
	fiveMinutes := scheduler.Interval(5*time.Minute, 17*time.Second)
	never, err := scheduler.Cron("0 0 30 2 *", nil)
	if err != nil {
		t.Fatal(err)
	}
	day := mustTime(t, "2026-03-01T00:00:17Z")
	tests := []struct {
		name         string
		slots        scheduler.Slots
		after, until time.Time
		want         int
	}{
		{"a day", fiveMinutes, day, day.Add(24 * time.Hour), 288},
		{"the end is included", fiveMinutes, day, day.Add(5 * time.Minute), 1},
		{"the beginning is not", fiveMinutes, day, day.Add(5*time.Minute - 1), 0},
		{"just before the beginning", fiveMinutes, day.Add(-1), day, 1},
		{"backwards", fiveMinutes, day, day.Add(-time.Hour), 0},
		{"no slots", never, day, day.Add(time.Hour), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := slices.Collect(scheduler.Between(tt.slots, tt.after, tt.until))
			if len(got) != tt.want || !slices.IsSortedFunc(got, time.Time.Compare) {
				t.Errorf("got %d slots, want %d in order: %v", len(got), tt.want, got)
			}
		})
	}
	for range scheduler.Between(fiveMinutes, day, day.AddDate(9999, 0, 0)) {
		break // Must stop the iteration.
	}
}

// moment draws a time between 1900 and 2200.
func moment() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		seconds := rapid.Int64Range(-2_208_988_800, 7_258_118_400).Draw(t, "seconds")
		nanos := rapid.SampledFrom([]int64{0, 1, 500_000_000, 999_999_999}).Draw(t, "nanos")
		return time.Unix(seconds, nanos)
	})
}
