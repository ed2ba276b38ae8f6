package scheduler

import (
	"iter"
	"time"
)

// Slots is the grid of times at which a job runs. Both methods are pure functions of their argument
// and safe for concurrent use. They return times in UTC, or the zero time when the grid has no such
// slot.
type Slots interface {
	// Next returns the earliest slot after the given time, never that time itself.
	Next(after time.Time) time.Time
	// Prev returns the latest slot that is not after the given time; a slot is its own Prev.
	Prev(at time.Time) time.Time
}

// Interval returns the slots at every multiple of every since the Unix epoch, shifted by offset
// modulo every. The grid has no slots when every is not positive.
func Interval(every, offset time.Duration) Slots {
	if every <= 0 {
		return interval{}
	}
	epoch := time.Unix(0, 0).UTC()
	// Truncate counts from year one; shift moves its grid onto the epoch's.
	shift := epoch.Sub(epoch.Truncate(every)) + offset%every
	return interval{every: every, shift: (shift%every + every) % every}
}

// interval is the grid of multiples of every since year one, shifted by shift.
type interval struct {
	every, shift time.Duration
}

func (i interval) Next(after time.Time) time.Time {
	if i.every <= 0 {
		return time.Time{}
	}
	return i.Prev(after).Add(i.every)
}

func (i interval) Prev(at time.Time) time.Time {
	if i.every <= 0 {
		return time.Time{}
	}
	return at.UTC().Add(-i.shift).Truncate(i.every).Add(i.shift)
}

// Between yields the slots after the first time, up to and including the second, oldest first.
func Between(s Slots, after, until time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		for t := s.Next(after); !t.IsZero() && !t.After(until); t = s.Next(t) {
			if !yield(t) {
				return
			}
		}
	}
}
