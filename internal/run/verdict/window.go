package verdict

import (
	"strings"
	"time"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/window"
)

// mostSlots bounds the slots that are looked at for one event.
const mostSlots = 100_000

// window finds the slot that is judged, and compares its window with the times of the event.
func (q *Question) window(v *Verdict, s Subject, doc *event.Document) window.Window {
	r := q.Plan.Rule()
	times := q.times(s, doc)
	v.Slot = q.Slot
	if v.Slot.IsZero() {
		slots := q.covering(times, 1)
		if len(slots) == 1 {
			v.Slot = slots[0]
		}
	}
	if v.Slot.IsZero() {
		now := r.Window(q.Now.Truncate(time.Second))
		switch {
		case len(times) == 0:
			v.add(Window, No, "the event has no time in %s: no window has it", strings.Join(r.TimeFields(), " or "))
		default:
			v.add(Window, No, "no slot of the rule reads its time %s: a run now reads %s", at(times[0]), now)
		}
		return now
	}
	w := r.Window(v.Slot)
	v.SlotWindow = w.String()
	switch t := inside(times, w); {
	case len(times) == 0:
		v.add(Window, No, "the event has no time in %s: no window has it", strings.Join(r.TimeFields(), " or "))
	case t.IsZero():
		side := "after"
		if times[0].Before(w.From) {
			side = "before"
		}
		text := ""
		if slots := q.covering(times, 1); len(slots) == 1 {
			text = ", and slot " + at(slots[0]) + " reads it"
		}
		v.add(Window, No, "its time %s is %s the window %s of slot %s%s", at(times[0]), side, w, at(v.Slot), text)
	default:
		text := ""
		if now := r.Window(q.Now.Truncate(time.Second)); q.Slot.IsZero() && inside(times, now).IsZero() {
			text = "; a run now does not: it reads " + now.String()
		}
		v.add(Window, Yes, "slot %s reads its time %s, in the window %s%s", at(v.Slot), at(t), w, text)
	}
	return w
}

// times returns the times of an event for windows: those of the first field of the rule that has any.
func (q *Question) times(s Subject, doc *event.Document) []time.Time {
	if s.Times != nil {
		return s.Times
	}
	for _, name := range q.Plan.Rule().TimeFields() {
		if times := dates(doc, name); len(times) > 0 {
			return times
		}
	}
	return nil
}

func dates(doc *event.Document, name string) []time.Time {
	var out []time.Time
	for _, value := range doc.Values(mapping.Field{Name: name, Path: name, Type: mapping.Date}) {
		out = append(out, value.Time)
	}
	return out
}

// inside returns the first time within a window; zero if there is none.
func inside(times []time.Time, w window.Window) time.Time {
	for _, t := range times {
		if w.Contains(t) {
			return t
		}
	}
	return time.Time{}
}

// covering returns the first slots, at most the given number, whose windows have one of the times.
func (q *Question) covering(times []time.Time, most int) []time.Time {
	r := q.Plan.Rule()
	slots, err := r.Slots()
	if err != nil {
		return nil
	}
	var out []time.Time
	for _, t := range times {
		slot := slots.Prev(t)
		if slot.IsZero() {
			slot = slots.Next(t)
		}
		for range mostSlots {
			if slot.IsZero() || len(out) == most {
				break
			}
			w := r.Window(slot)
			if w.Contains(t) {
				out = append(out, slot)
			} else if w.From.After(t) {
				break
			}
			slot = slots.Next(slot)
		}
		if len(out) > 0 {
			break
		}
	}
	return out
}

// at formats a time for people.
func at(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
