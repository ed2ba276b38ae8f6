package scheduler

import (
	"hash/fnv"
	"iter"
	"time"
)

// Slots is the grid of moments at which a job runs. Both methods are pure functions of their
// argument and safe for concurrent use; they return times in UTC, or the zero time when the grid
// has no such slot.
type Slots interface {
	// Next returns the earliest slot after the given time, never that time itself.
	Next(after time.Time) time.Time
	// Prev returns the latest slot that is not after the given time; a slot is its own Prev.
	Prev(at time.Time) time.Time
}

// Interval returns the slots that lie every apart, counted from the Unix epoch and shifted by
// offset, which is taken modulo every. The grid has no slots when every is not positive.
func Interval(every, offset time.Duration) Slots {
	if every <= 0 {
		return interval{}
	}
	epoch := time.Unix(0, 0).UTC()
	// Truncate counts from year one; shift moves its grid onto the epoch's.
	shift := epoch.Sub(epoch.Truncate(every)) + offset%every
	return interval{every: every, shift: (shift%every + every) % every}
}

// interval is the grid of multiples of every since year one, moved by shift.
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

// Spread returns the offset of a job inside its interval, so that jobs of one interval do not all
// run at the same moment. It depends on nothing but its arguments and never changes between
// versions: another offset would be another grid, and other windows. The offset is at least 0 and
// less than every, in whole seconds, or in whole milliseconds for an interval below one second.
func Spread(id string, every time.Duration) time.Duration {
	grain := time.Second
	if every < time.Second {
		grain = time.Millisecond
	}
	places := every / grain
	if places <= 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // A hash never fails to write.
	return time.Duration(h.Sum64()%uint64(places)) * grain
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
