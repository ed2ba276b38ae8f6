package scheduler

import "time"

// cronSlots maps the matches of a calendar to instants, through the wall clock of a zone.
//
// The zone is a row of segments with a constant offset from UTC, each between two changes of the
// clock. A segment covers a range of wall-clock times. The ranges of neighbouring segments are cut
// so that each wall-clock time is covered as Cron promises.
type cronSlots struct {
	calendar  calendar
	loc       *time.Location
	everyHour bool // The expression matches in every hour of a day.
	repeats   bool // A time that the clock repeats matches again.
}

// Next implements Slots.
func (c cronSlots) Next(after time.Time) time.Time {
	limit := after.AddDate(searchYears, 0, 0)
	seg := segmentAt(after, c.loc)
	from := seg.wall(after).Truncate(time.Minute).Add(time.Minute)
	for {
		until, last := limit, true
		if !seg.end.IsZero() && seg.end.Before(limit) {
			until, last = seg.end.Add(-1), false
		}
		wall := c.calendar.next(latest(from, c.begin(seg)), seg.wall(until))
		if !wall.IsZero() {
			return seg.instant(wall)
		}
		if last {
			return time.Time{}
		}
		seg = segmentAt(seg.end, c.loc)
		from = c.begin(seg)
	}
}

// Prev implements Slots.
func (c cronSlots) Prev(at time.Time) time.Time {
	limit := at.AddDate(-searchYears, 0, 0)
	seg := segmentAt(at, c.loc)
	for {
		wall := c.calendar.prev(seg.wall(at), latest(c.begin(seg), seg.wall(limit)))
		if !wall.IsZero() {
			return seg.instant(wall)
		}
		if seg.start.IsZero() || seg.start.Before(limit) {
			return time.Time{}
		}
		at = seg.start.Add(-1)
		seg = segmentAt(at, c.loc)
	}
}

// begin returns the first wall-clock time that a segment covers. By default, it is where the clock
// of the previous segment stopped: the segment includes the times that the clock has just left out
// and excludes the times that it has just repeated.
func (c cronSlots) begin(seg segment) time.Time {
	if seg.start.IsZero() {
		return time.Time{}
	}
	change := seg.offset - seg.before
	// An expression that runs in every hour does not miss hours that are left out as a whole.
	skip := change > 0 && c.everyHour && change%time.Hour == 0
	repeat := change < 0 && c.repeats
	if skip || repeat {
		return seg.start.Add(seg.offset)
	}
	return seg.start.Add(seg.before)
}

// segment is the time between two changes of a zone's clock. A wall-clock time is stored as the
// time in UTC that looks the same, so arithmetic on it involves no clock changes.
type segment struct {
	start, end     time.Time     // Half open, in UTC; zero where unbounded.
	offset, before time.Duration // From UTC, in this segment and in the previous one.
}

func segmentAt(t time.Time, loc *time.Location) segment {
	local := t.In(loc)
	start, end := local.ZoneBounds()
	seg := segment{offset: offsetOf(local)}
	if !start.IsZero() {
		seg.start = start.UTC()
		seg.before = offsetOf(start.Add(-1))
	}
	if !end.IsZero() {
		seg.end = end.UTC()
	}
	return seg
}

func offsetOf(local time.Time) time.Duration {
	_, seconds := local.Zone()
	return time.Duration(seconds) * time.Second
}

// wall returns what the clock of the segment shows at t.
func (s segment) wall(t time.Time) time.Time {
	return t.UTC().Round(0).Add(s.offset)
}

// instant returns the moment at which the clock of the segment shows wall. A time before the
// segment was left out by the clock; its moment is the change itself.
func (s segment) instant(wall time.Time) time.Time {
	t := wall.Add(-s.offset)
	if s.start.IsZero() {
		return t
	}
	return latest(t, s.start)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
