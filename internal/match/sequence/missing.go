package sequence

import (
	"cmp"
	"slices"
)

// candidate is a sequence with all of its positive steps.
type candidate[T any] struct {
	state    *keyState[T]
	events   []*Event[T]
	first    int64
	last     int64
	end      Ordinal
	deadline int64 // missing events up to this time, inclusive, invalidate it
	waits    bool
	spoiled  bool
}

// complete checks the gaps in the past and adds the candidate to the current moment.
func (m *Matcher[T]) complete(s *keyState[T], p partial[T]) {
	c := &candidate[T]{state: s, events: p.chain.events(), first: p.start, last: p.last.Time, end: p.last}
	for i := 1; i < len(c.events); i++ {
		if anyBetween(s.missing[i], c.events[i-1].Ordinal.Time, c.events[i].Ordinal.Time) {
			m.report(s, m.positives-1, nil, p.chain, Spoiled)
			return
		}
	}
	span := int64(m.spec.MaxSpan)
	leading, trailing := m.spec.Missing[0], m.spec.Missing[len(m.spec.Missing)-1]
	latest, found := latestBefore(s.missing[0], c.first)
	switch {
	case leading && !trailing && found && c.last-latest <= span:
		m.report(s, m.positives-1, nil, p.chain, Spoiled)
		return
	case trailing && !leading:
		c.waits, c.deadline = true, c.first+span
	case trailing && found:
		c.waits, c.deadline = true, latest+span
	}
	c.waits = c.waits && c.deadline > c.last
	if c.waits {
		s.waiting = append(s.waiting, c)
	}
	m.completed = append(m.completed, c)
}

// missed records a missing event that occurred, and drops the sequences that it invalidates.
func (s *keyState[T]) missed(m *Matcher[T], gap int, time int64) {
	if gap == m.positives {
		for _, c := range s.waiting {
			if time > c.last && time <= c.deadline {
				c.spoiled = true
				if m.watch != nil {
					m.watch(Progress[T]{Key: s.key, Step: m.step(m.positives - 1), Before: c.events, What: Spoiled})
				}
			}
		}
		return
	}
	times := s.missing[gap]
	if n := len(times); n > 0 && times[n-1] == time {
		return
	}
	s.missing[gap] = append(times, time)
	m.partials++ // they count as partial sequences
}

// anyBetween reports whether one of the sorted times lies strictly between two others.
func anyBetween(times []int64, after, until int64) bool {
	i, _ := slices.BinarySearch(times, after+1)
	return i < len(times) && times[i] < until
}

// latestBefore returns the last of the sorted times before a time.
func latestBefore(times []int64, t int64) (int64, bool) {
	i, _ := slices.BinarySearch(times, t)
	if i == 0 {
		return 0, false
	}
	return times[i-1], true
}

// settle orders the sequences that were completed at the same moment: by their first event, then by
// key.
func (m *Matcher[T]) settle() {
	slices.SortStableFunc(m.completed, func(a, b *candidate[T]) int {
		return cmp.Or(a.end.Compare(b.end), a.events[0].Ordinal.Compare(b.events[0].Ordinal), a.state.key.Compare(b.state.key))
	})
	m.waiting = append(m.waiting, m.completed...)
	m.completed = m.completed[:0]
}

// release emits, in order of completion, the sequences that no event can invalidate any more.
func (m *Matcher[T]) release(now int64) {
	n := 0
	for ; n < len(m.waiting) && !m.ended; n++ {
		c := m.waiting[n]
		if c.waits && !c.spoiled && now <= c.deadline {
			break
		}
		if c.waits {
			c.state.waiting = slices.DeleteFunc(c.state.waiting, func(o *candidate[T]) bool { return o == c })
		}
		if !c.spoiled {
			m.ended = !m.emit(Match[T]{Key: c.state.key, Events: m.slots(c.events), Decided: c.decided()})
		}
		m.waiting[n] = nil
	}
	m.waiting = m.waiting[n:]
}

func (c *candidate[T]) decided() int64 {
	if c.waits {
		return c.deadline + 1
	}
	return c.last
}

// slots distributes the events over all steps, with nil for missing ones.
func (m *Matcher[T]) slots(events []*Event[T]) []*Event[T] {
	out := make([]*Event[T], len(m.spec.Missing))
	next := 0
	for i, missing := range m.spec.Missing {
		if !missing {
			out[i] = events[next]
			next++
		}
	}
	return out
}

// Finish ends the stream. horizon is the time, in nanoseconds, up to which, exclusive, the stream
// is known to be complete. Sequences that an event at or after it could still invalidate are
// counted, not emitted.
func (m *Matcher[T]) Finish(horizon int64) (undecided int) {
	m.settle()
	for len(m.waiting) > 0 && !m.ended {
		m.release(horizon)
		if len(m.waiting) > 0 { // the first one cannot be decided; later ones may be
			if m.waiting[0] != nil && !m.waiting[0].spoiled {
				undecided++
			}
			m.waiting = m.waiting[1:]
		}
	}
	return undecided
}
