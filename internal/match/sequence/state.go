package sequence

import "slices"

// keyState is the state of one join key.
type keyState[T any] struct {
	key Key
	// stages holds, per stage except the last, at most two partial sequences: the newest, and the
	// one before it if the newest ends at the current moment, as events of that moment cannot
	// follow it.
	stages [][]partial[T]
	// until holds the latest until events, in the same way.
	until []Ordinal
	// missing holds the times of missing events that occurred, per gap between positive steps.
	missing [][]int64
	// waiting are completed sequences that a future event may still invalidate.
	waiting []*candidate[T]
}

// partial is the beginning of a sequence.
type partial[T any] struct {
	last  Ordinal
	start int64
	chain *link[T]
}

// link is the last event of a partial sequence; several may share the events before it.
type link[T any] struct {
	before *link[T]
	event  Event[T]
}

// events returns the chain's events, the first one first.
func (l *link[T]) events() []*Event[T] {
	var out []*Event[T]
	for ; l != nil; l = l.before {
		out = append(out, &l.event)
	}
	slices.Reverse(out)
	return out
}

func (m *Matcher[T]) state(key Key) *keyState[T] {
	id := key.id()
	s := m.keys[id]
	if s == nil {
		s = &keyState[T]{key: key, stages: make([][]partial[T], m.positives), missing: make([][]int64, m.positives+1)}
		m.keys[id] = s
	}
	return s
}

// push keeps the newest ordinal and the last one that differs from it.
func push(list []Ordinal, o Ordinal) []Ordinal {
	n := len(list)
	if n > 0 && list[n-1].Compare(o) == 0 {
		return list
	}
	if n > 0 {
		return []Ordinal{list[n-1], o}
	}
	return []Ordinal{o}
}

// before returns the latest ordinal of the list before o.
func before(list []Ordinal, o Ordinal) (Ordinal, bool) {
	for _, earlier := range slices.Backward(list) {
		if earlier.Compare(o) < 0 {
			return earlier, true
		}
	}
	return Ordinal{}, false
}

// minSweep is the number of partial sequences below which there is no sweep.
const minSweep = 4096

// sweep drops parts that are older than the span, and plans the next sweep for when the number has
// doubled.
func (m *Matcher[T]) sweep() {
	for id, s := range m.keys {
		if m.prune(s) {
			delete(m.keys, id)
		}
	}
	m.sweepAt = max(minSweep, 2*(m.partials+len(m.keys)))
}

// prune drops a key's expired parts and reports whether none are left.
func (m *Matcher[T]) prune(s *keyState[T]) bool {
	empty := len(s.waiting) == 0
	if m.spec.MaxSpan > 0 {
		oldest := m.now.Time - int64(m.spec.MaxSpan)
		for i, list := range s.stages {
			kept := slices.DeleteFunc(list, func(p partial[T]) bool { return p.start < oldest })
			m.partials -= len(list) - len(kept)
			s.stages[i] = kept
		}
		for i, times := range s.missing {
			first, _ := slices.BinarySearch(times, oldest)
			m.partials -= first
			s.missing[i] = slices.Clone(times[first:])
		}
	}
	if n := len(s.until); n > 0 {
		empty = empty && s.until[n-1].Compare(m.now) < 0
	}
	for i := range s.stages {
		empty = empty && len(s.stages[i]) == 0
	}
	for i := range s.missing {
		empty = empty && len(s.missing[i]) == 0
	}
	return empty
}
