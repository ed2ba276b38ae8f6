package scheduler_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/robfig/cron/v3"
	"pgregory.net/rapid"

	"tocsin/internal/scheduler"
)

// If no clock changes, robfig/cron's own search must agree.
func TestCronAgreesWithRobfigInUTC(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		expr := cronText().Draw(t, "expr")
		slots := mustCron(t, expr, time.UTC)
		other := mustParse(t, expr)
		at := moment().Draw(t, "at").UTC()
		for range 10 {
			want := other.Next(at)
			if want.IsZero() {
				return // It searches five years only.
			}
			got := slots.Next(at)
			if !got.Equal(want) {
				t.Fatalf("after %s: got %s, want %s", at, got, want)
			}
			at = got
		}
	})
}

func TestCronGrid(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia", "Africa/Casablanca"}
	rapid.Check(t, func(t *rapid.T) {
		zone := mustZone(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		slots := mustCron(t, cronText().Draw(t, "expr"), zone)
		at := nearChange(zone).Draw(t, "at")
		if slots.Next(at).IsZero() || slots.Prev(at).IsZero() {
			t.Skip("names no day")
		}
		checkGrid(t, slots, at)
	})
}

// Compares the slots around a change of the clock with a walk over every minute that follows Cron's
// documentation.
func TestCronAroundClockChanges(t *testing.T) {
	zones := []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia", "Europe/Dublin"}
	rapid.Check(t, func(t *rapid.T) {
		zone := mustZone(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		expr := cronText().Draw(t, "expr")
		change := clockChange(zone).Draw(t, "change")
		after, until := change.Add(-5*time.Hour), change.Add(5*time.Hour)
		want := texts(walk(mustParse(t, expr), expr, zone, after, until))
		slots := mustCron(t, expr, zone)
		if diff := cmp.Diff(want, texts(forward(slots, after, until))); diff != "" {
			t.Fatalf("Next (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, texts(backward(slots, after, until))); diff != "" {
			t.Fatalf("Prev (-want +got):\n%s", diff)
		}
	})
}

// walk lists the slots in (after, until] by testing each minute. It begins early enough to know
// which times of day the clock has shown before.
func walk(schedule cron.Schedule, expr string, zone *time.Location, after, until time.Time) []time.Time {
	hours := strings.Fields(expr)[1]
	everyHour := hours == "*" || hours == "0-23"
	interval := everyHour || strings.HasPrefix(hours, "*")
	var slots []time.Time
	shown := make(map[time.Time]bool)
	last := wallClock(after.Add(-30*time.Hour), zone)
	for at := after.Add(-30*time.Hour + time.Minute); !at.After(until); at = at.Add(time.Minute) {
		wall := wallClock(at, zone)
		jump := wall.Sub(last) - time.Minute
		hit := matches(schedule, wall) && (interval || !shown[wall])
		if jump > 0 && (!everyHour || jump%time.Hour != 0) {
			for left := last.Add(time.Minute); left.Before(wall); left = left.Add(time.Minute) {
				hit = hit || matches(schedule, left)
			}
		}
		shown[wall] = true
		last = wall
		if hit && at.After(after) {
			slots = append(slots, at)
		}
	}
	return slots
}

// wallClock returns what the clock shows, as a time in UTC.
func wallClock(at time.Time, zone *time.Location) time.Time {
	_, offset := at.In(zone).Zone()
	return at.UTC().Add(time.Duration(offset) * time.Second)
}

func matches(schedule cron.Schedule, wall time.Time) bool {
	return schedule.Next(wall.Add(-time.Second)).Equal(wall)
}

// clockChange draws a change of the zone's clock since 1975.
func clockChange(zone *time.Location) *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		at := time.Unix(rapid.Int64Range(157_766_400, 2_000_000_000).Draw(t, "seconds"), 0)
		// Older changes are not on whole minutes.
		if start, _ := at.In(zone).ZoneBounds(); start.Year() >= 1970 {
			return start.UTC()
		}
		return at.UTC().Truncate(time.Minute)
	})
}

func nearChange(zone *time.Location) *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		near := rapid.Int64Range(-3*3600, 3*3600).Draw(t, "near")
		return clockChange(zone).Draw(t, "change").Add(time.Duration(near) * time.Second)
	})
}

// cronText draws a valid expression of five fields.
func cronText() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join([]string{
			cronField(0, 59).Draw(t, "minute"),
			cronField(0, 23).Draw(t, "hour"),
			cronField(1, 31).Draw(t, "day"),
			cronField(1, 12).Draw(t, "month"),
			cronField(0, 6).Draw(t, "weekday"),
		}, " ")
	})
}

func cronField(low, high int) *rapid.Generator[string] {
	number := rapid.IntRange(low, high)
	return rapid.Custom(func(t *rapid.T) string {
		switch rapid.IntRange(0, 6).Draw(t, "kind") {
		case 0:
			return "*/" + strconv.Itoa(rapid.IntRange(2, 30).Draw(t, "step"))
		case 1:
			return strconv.Itoa(number.Draw(t, "n"))
		case 2:
			from := number.Draw(t, "from")
			return strconv.Itoa(from) + "-" + strconv.Itoa(rapid.IntRange(from, high).Draw(t, "to"))
		case 3:
			return strconv.Itoa(number.Draw(t, "a")) + "," + strconv.Itoa(number.Draw(t, "b"))
		default:
			return "*"
		}
	})
}

func mustParse(t fataler, expr string) cron.Schedule {
	t.Helper()
	parser := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)
	schedule, err := parser.Parse(expr)
	if err != nil {
		t.Fatal(err)
	}
	return schedule
}

func FuzzCron(f *testing.F) {
	for _, seed := range []string{"* * * * *", "0 0 30 2 *", "@daily", "@every 7s", "TZ=UTC", "*/5 1-3 ? JAN mon", ",,,"} {
		f.Add(seed, int64(1_790_000_000))
	}
	zone := mustZone(f, "Europe/Berlin")
	f.Fuzz(func(t *testing.T, expr string, seconds int64) {
		slots, err := scheduler.Cron(expr, zone)
		if err != nil {
			return
		}
		at := time.Unix(seconds%8_000_000_000, 0)
		if next := slots.Next(at); !next.IsZero() && (!next.After(at) || !slots.Prev(next).Equal(next)) {
			t.Fatalf("%q: Next of %s is %s, whose Prev is %s", expr, at, next, slots.Prev(next))
		}
		if prev := slots.Prev(at); prev.After(at) {
			t.Fatalf("%q: Prev of %s is %s", expr, at, prev)
		}
	})
}
