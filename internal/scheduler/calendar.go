package scheduler

import (
	"math/bits"
	"time"

	"github.com/robfig/cron/v3"
)

// calendar is a cron expression as bit sets: bit 5 of minutes stands for minute 5. Its times are
// wall-clock times, stored as times in UTC.
type calendar struct {
	minutes, hours, days, months, weekdays uint64
	eitherDay                              bool // A match of either days or weekdays is enough.
}

func newCalendar(spec *cron.SpecSchedule) calendar {
	const star = 1 << 63 // The parser's mark of an unrestricted field.
	return calendar{
		minutes:   spec.Minute &^ star,
		hours:     spec.Hour &^ star,
		days:      spec.Dom &^ star,
		months:    spec.Month &^ star,
		weekdays:  spec.Dow &^ star,
		eitherDay: spec.Dom&star == 0 && spec.Dow&star == 0,
	}
}

// next returns the earliest match in [from, until], or the zero time.
func (c calendar) next(from, until time.Time) time.Time {
	if whole := from.Truncate(time.Minute); whole.Before(from) {
		from = whole.Add(time.Minute)
	}
	for ; !from.After(until); from = c.nextDay(from) {
		if !c.matches(from) {
			continue
		}
		if t := c.nextInDay(from); !t.IsZero() {
			if t.After(until) {
				break
			}
			return t
		}
	}
	return time.Time{}
}

// prev returns the latest match in [until, from], or the zero time.
func (c calendar) prev(from, until time.Time) time.Time {
	for from = from.Truncate(time.Minute); !from.Before(until); from = c.prevDay(from) {
		if !c.matches(from) {
			continue
		}
		if t := c.prevInDay(from); !t.IsZero() {
			if t.Before(until) {
				break
			}
			return t
		}
	}
	return time.Time{}
}

// matches reports whether the calendar includes the day of t.
func (c calendar) matches(t time.Time) bool {
	_, month, day := t.Date()
	inDays, inWeekdays := has(c.days, day), has(c.weekdays, int(t.Weekday()))
	if !has(c.months, int(month)) {
		return false
	}
	if c.eitherDay {
		return inDays || inWeekdays
	}
	return inDays && inWeekdays
}

// nextDay returns the beginning of the next day that can match.
func (c calendar) nextDay(t time.Time) time.Time {
	year, month, day := t.Date()
	if !has(c.months, int(month)) {
		return date(year, month+1, 1)
	}
	return date(year, month, day+1)
}

// prevDay returns the last minute of the day before, skipping a month without matches.
func (c calendar) prevDay(t time.Time) time.Time {
	year, month, day := t.Date()
	if !has(c.months, int(month)) {
		day = 1
	}
	return date(year, month, day).Add(-time.Minute)
}

// nextInDay returns the earliest match not before t on the day of t, or the zero time.
func (c calendar) nextInDay(t time.Time) time.Time {
	hour, minute := t.Hour(), t.Minute()
	if has(c.hours, hour) {
		if m, ok := lowest(c.minutes, minute); ok {
			return clock(t, hour, m)
		}
	}
	h, ok := lowest(c.hours, hour+1)
	m, okMinute := lowest(c.minutes, 0)
	if !ok || !okMinute {
		return time.Time{}
	}
	return clock(t, h, m)
}

// prevInDay returns the latest match not after t on the day of t, or the zero time.
func (c calendar) prevInDay(t time.Time) time.Time {
	hour, minute := t.Hour(), t.Minute()
	if has(c.hours, hour) {
		if m, ok := highest(c.minutes, minute); ok {
			return clock(t, hour, m)
		}
	}
	h, ok := highest(c.hours, hour-1)
	m, okMinute := highest(c.minutes, 59)
	if !ok || !okMinute {
		return time.Time{}
	}
	return clock(t, h, m)
}

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// clock returns the given time of day on the day of t.
func clock(t time.Time, hour, minute int) time.Time {
	year, month, day := t.Date()
	return time.Date(year, month, day, hour, minute, 0, 0, time.UTC)
}

func has(set uint64, i int) bool { return set&(1<<i) != 0 }

// lowest returns the smallest member of set that is at least i.
func lowest(set uint64, i int) (int, bool) {
	set = set >> i << i
	return bits.TrailingZeros64(set), set != 0
}

// highest returns the largest member of set that is at most i; i may be -1.
func highest(set uint64, i int) (int, bool) {
	set &= 1<<(i+1) - 1
	return bits.Len64(set) - 1, set != 0
}
