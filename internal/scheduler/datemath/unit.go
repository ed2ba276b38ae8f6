package datemath

import (
	"fmt"
	"time"
)

// unit is a unit of time, represented by its letter.
type unit byte

const (
	second unit = 's'
	minute unit = 'm'
	hour   unit = 'h'
	day    unit = 'd'
	week   unit = 'w'
	month  unit = 'M'
	year   unit = 'y'
)

func unitOf(letter byte) (unit, bool) {
	switch u := unit(letter); u {
	case second, minute, hour, day, week, month, year:
		return u, true
	case 'H':
		return hour, true
	default:
		return 0, false
	}
}

// add moves t by n units. Days and longer units follow the calendar in t's zone: the time of day stays the
// same. Shorter units are durations.
func (u unit) add(t time.Time, n int) time.Time {
	switch u {
	case second:
		return addLength(t, n, time.Second)
	case minute:
		return addLength(t, n, time.Minute)
	case hour:
		return addLength(t, n, time.Hour)
	case day:
		return wall(t).AddDate(0, 0, n).on(t)
	case week:
		return wall(t).AddDate(0, 0, 7*n).on(t)
	case month:
		return wall(t).addMonths(n).on(t)
	case year:
		return wall(t).addMonths(12 * n).on(t)
	default:
		panic(fmt.Sprintf("datemath: unit %q has no length", byte(u)))
	}
}

// addLength adds a duration that may exceed the range of time.Duration.
func addLength(t time.Time, n int, unit time.Duration) time.Time {
	seconds := int64(n) * int64(unit/time.Second)
	return time.Unix(t.Unix()+seconds, int64(t.Nanosecond())).In(t.Location())
}

// floor returns the beginning of the unit that contains t, in t's zone.
func (u unit) floor(t time.Time) time.Time {
	c := wall(t)
	y, mon, d := c.Date()
	switch u {
	case second:
		return clock{c.Truncate(time.Second)}.on(t)
	case minute:
		return clock{c.Truncate(time.Minute)}.on(t)
	case hour:
		return clock{c.Truncate(time.Hour)}.on(t)
	case day:
		return midnight(y, mon, d).on(t)
	case week:
		sinceMonday := (int(c.Weekday()) + 6) % 7
		return midnight(y, mon, d-sinceMonday).on(t)
	case month:
		return midnight(y, mon, 1).on(t)
	case year:
		return midnight(y, time.January, 1).on(t)
	default:
		panic(fmt.Sprintf("datemath: unit %q has no beginning", byte(u)))
	}
}

// clock is a wall-clock time of some zone, stored as the same time in UTC.
type clock struct{ time.Time }

func wall(t time.Time) clock {
	_, offset := t.Zone()
	return clock{t.UTC().Add(time.Duration(offset) * time.Second)}
}

func midnight(y int, mon time.Month, d int) clock {
	return clock{time.Date(y, mon, d, 0, 0, 0, 0, time.UTC)}
}

func (c clock) AddDate(years, months, days int) clock {
	return clock{c.Time.AddDate(years, months, days)}
}

// addMonths stays within the target month, where time.AddDate would continue into the next one.
func (c clock) addMonths(n int) clock {
	moved := c.AddDate(0, n, 0)
	if moved.Day() != c.Day() {
		moved = moved.AddDate(0, 0, -moved.Day())
	}
	return moved
}

// on returns the time at which the clock of t's zone shows c. If the clock shows it twice, it is the time
// with t's offset, else the first one; if the clock skips it, it is later by the skipped time.
func (c clock) on(t time.Time) time.Time {
	zone := t.Location()
	if zone == time.UTC {
		return c.Time
	}
	_, own := t.Zone()
	_, before := c.Add(-24 * time.Hour).In(zone).Zone()
	_, after := c.Add(24 * time.Hour).In(zone).Zone()
	for _, offset := range []int{own, before, after} {
		at := c.Add(-time.Duration(offset) * time.Second).In(zone)
		if _, there := at.Zone(); there == offset {
			return at
		}
	}
	return c.Add(-time.Duration(before) * time.Second).In(zone)
}
