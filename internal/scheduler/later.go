package scheduler

import "time"

// Later returns a grid with every slot of s moved later by the duration.
func Later(s Slots, by time.Duration) Slots {
	if by == 0 {
		return s
	}
	return later{s, by}
}

type later struct {
	slots Slots
	by    time.Duration
}

func (l later) Next(after time.Time) time.Time { return l.move(l.slots.Next(after.Add(-l.by))) }

func (l later) Prev(at time.Time) time.Time { return l.move(l.slots.Prev(at.Add(-l.by))) }

func (l later) move(slot time.Time) time.Time {
	if slot.IsZero() {
		return slot
	}
	return slot.Add(l.by)
}
