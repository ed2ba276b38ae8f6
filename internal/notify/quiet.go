package notify

import (
	"slices"
	"time"
)

// Quiet are hours of the day in which a route is silent.
type Quiet struct {
	// From and To are minutes since midnight of the clocks in Zone. If To is not after From, the hours go over midnight.
	From, To int
	Zone     *time.Location
	// Days are the days on which quiet hours begin; empty: every day.
	Days []time.Weekday
	// Except are severities that are sent nevertheless.
	Except []string
}

// wall returns the time of a day at which clocks show some minutes since midnight. A time that a change of the clocks leaves out is
// the time as much later.
func (q *Quiet) wall(day time.Time, minutes int) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), minutes/60, minutes%60, 0, 0, q.Zone)
}

// Ends returns when the quiet hours that a time is in end; false if it is in none. Quiet hours that follow each other at once are one.
func (q *Quiet) Ends(at time.Time) (time.Time, bool) {
	if q == nil {
		return time.Time{}, false
	}
	end, found := q.ends(at)
	for range 8 { // whole days, one after the other: after a week the rest is told anyway
		next, more := q.ends(end)
		if !found || !more || !next.After(end) {
			break
		}
		end = next
	}
	return end, found
}

func (q *Quiet) ends(at time.Time) (time.Time, bool) {
	at = at.In(q.Zone)
	for _, back := range []int{0, 1} { // those of yesterday may go over midnight
		day := time.Date(at.Year(), at.Month(), at.Day()-back, 12, 0, 0, 0, q.Zone)
		if len(q.Days) > 0 && !slices.Contains(q.Days, day.Weekday()) {
			continue
		}
		from, to := q.wall(day, q.From), q.wall(day, q.To)
		if q.To <= q.From {
			to = q.wall(day.AddDate(0, 0, 1), q.To)
		}
		if !at.Before(from) && at.Before(to) {
			return to, true
		}
	}
	return time.Time{}, false
}

// holds reports whether the quiet hours apply to a notice.
func (q *Quiet) holds(n *Notice) bool {
	return n.Kind != KindTest && !slices.Contains(q.Except, n.Severity)
}
