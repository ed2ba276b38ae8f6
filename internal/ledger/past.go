package ledger

import (
	"slices"
	"time"
)

// Past is the schedule that a rule had until a slot, included. Its slots up to there stay what they were.
type Past struct {
	Schedule string    `json:"schedule"`
	Until    time.Time `json:"until"`
}

// maxPast bounds the schedules that a head remembers.
const maxPast = 16

// Parse returns the slots of a schedule as [Grid.Schedule] has it.
type Parse func(schedule string) (Slots, error)

// SlotsOf returns all slots of a rule: those of its past schedules, each until its end, then those of its grid. A schedule that
// cannot be parsed has none.
func SlotsOf(now Slots, past []Past, parse Parse) Slots {
	if parse == nil {
		return now
	}
	s := spliced{now: now}
	for _, p := range past {
		if slots, err := parse(p.Schedule); err == nil {
			s.past = append(s.past, pastSlots{slots, p.Until})
		}
	}
	if s.past == nil {
		return now
	}
	return s
}

// spliced is a grid after others.
type spliced struct {
	past []pastSlots
	now  Slots
}

type pastSlots struct {
	Slots
	until time.Time
}

// Next returns the earliest slot after a time.
func (s spliced) Next(after time.Time) time.Time {
	for _, p := range s.past {
		if after.Before(p.until) {
			if slot := p.Next(after); !slot.IsZero() && !slot.After(p.until) {
				return slot
			}
			after = p.until
		}
	}
	return s.now.Next(after)
}

// Prev returns the latest slot that is not after a time.
func (s spliced) Prev(at time.Time) time.Time {
	if slot := s.now.Prev(at); slot.After(s.past[len(s.past)-1].until) {
		return slot
	}
	for i, p := range slices.Backward(s.past) {
		slot := p.Prev(earliest(at, p.until))
		if i == 0 || slot.After(s.past[i-1].until) {
			return slot
		}
	}
	return time.Time{}
}

// changed returns the head of a rule whose schedule is another than the head says: the old one ends with its last slot until
// now, and the new one begins after it.
func (l *Ledger) changed(h Head, g Grid, now time.Time) (Head, bool) {
	if l.Parse == nil || h.Schedule == g.Schedule || g.Schedule == "" {
		return h, false
	}
	if old, err := l.Parse(h.Schedule); err == nil {
		until := SlotsOf(old, h.Past, l.Parse).Prev(now)
		if until.IsZero() || until.Before(h.Since) {
			until = h.Since
		}
		h.Past = append(slices.DeleteFunc(slices.Clone(h.Past), func(p Past) bool { return !p.Until.After(h.Closed) }), Past{h.Schedule, until})
		h.Past = h.Past[max(0, len(h.Past)-maxPast):]
	}
	h.Schedule = g.Schedule
	return h, true
}
