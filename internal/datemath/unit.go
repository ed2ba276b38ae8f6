package datemath

import (
	"fmt"
	"time"
)

// unit is a unit of time, written as its letter.
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

// add moves t by n units. Days and weeks are calendar days, which in UTC have 24 hours.
func (u unit) add(t time.Time, n int) time.Time {
	switch u {
	case second:
		return t.Add(time.Duration(n) * time.Second)
	case minute:
		return t.Add(time.Duration(n) * time.Minute)
	case hour:
		return t.Add(time.Duration(n) * time.Hour)
	case day:
		return t.AddDate(0, 0, n)
	case week:
		return t.AddDate(0, 0, 7*n)
	case month:
		return addMonths(t, n)
	case year:
		return addMonths(t, 12*n)
	default:
		panic(fmt.Sprintf("datemath: unit %q has no length", byte(u)))
	}
}

// addMonths stays inside the month it arrives in, where time.AddDate would run over into the
// next one.
func addMonths(t time.Time, n int) time.Time {
	moved := t.AddDate(0, n, 0)
	if moved.Day() != t.Day() {
		moved = moved.AddDate(0, 0, -moved.Day())
	}
	return moved
}

// floor returns the beginning of the unit in which t lies.
func (u unit) floor(t time.Time) time.Time {
	y, mon, d := t.Date()
	switch u {
	case second:
		return t.Truncate(time.Second)
	case minute:
		return t.Truncate(time.Minute)
	case hour:
		return t.Truncate(time.Hour)
	case day:
		return time.Date(y, mon, d, 0, 0, 0, 0, time.UTC)
	case week:
		sinceMonday := (int(t.Weekday()) + 6) % 7
		return time.Date(y, mon, d-sinceMonday, 0, 0, 0, 0, time.UTC)
	case month:
		return time.Date(y, mon, 1, 0, 0, 0, 0, time.UTC)
	case year:
		return time.Date(y, time.January, 1, 0, 0, 0, 0, time.UTC)
	default:
		panic(fmt.Sprintf("datemath: unit %q has no beginning", byte(u)))
	}
}
