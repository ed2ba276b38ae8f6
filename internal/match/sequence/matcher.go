package sequence

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"time"
)

func floatText(x float64) string { return strconv.FormatUint(math.Float64bits(x), 16) }

// Spec describes a sequence.
type Spec struct {
	// Missing says for each step, with runs expanded, whether it is a missing event: an event that
	// must not occur.
	Missing []bool
	// MaxSpan is the longest time from the first to the last event; 0 means unlimited. A sequence
	// with missing events has a MaxSpan.
	MaxSpan time.Duration
	// Limit bounds the partial sequences that are kept at a time; 0 means [DefaultLimit].
	Limit int
}

// DefaultLimit bounds the partial sequences of a matcher to some hundred megabytes.
const DefaultLimit = 1_000_000

// ErrTooMany is returned by [Matcher.Add] when more partial sequences than the limit would have to
// be kept. Sequences that were completed before are valid.
var ErrTooMany = errors.New("too many partial sequences")

// Event is an event with its position in time.
type Event[T any] struct {
	Ordinal Ordinal
	Ref     T
}

// Fit says that an event fits a step under some keys. Step counts from 0 with runs expanded;
// [Until] is the step of an until event.
type Fit struct {
	Step int
	Keys []Key
}

// Until is the step of events that end open sequences.
const Until = -1

// Match is a completed sequence.
type Match[T any] struct {
	Key Key
	// Events has one element per step; nil for missing events.
	Events []*Event[T]
	// Decided is the time, in nanoseconds, from which no event could invalidate the sequence: the
	// time of its last event, or the end of the wait for a missing event.
	Decided int64
}

// Matcher finds sequences in a stream of events. It is not safe for concurrent use.
type Matcher[T any] struct {
	spec  Spec
	emit  func(Match[T]) bool
	watch func(Progress[T])
	ended bool
	// stage maps a step to its number among the positive steps, gap to the number of positive steps
	// before it.
	stage, gap []int
	positives  int
	keys       map[string]*keyState[T]
	now        Ordinal
	started    bool
	partials   int
	sweepAt    int
	completed  []*candidate[T] // of the current ordinal
	waiting    []*candidate[T] // in order of completion
}

// New makes a matcher. emit receives completed sequences in order, and ends the search by returning
// false.
func New[T any](spec Spec, emit func(Match[T]) bool) *Matcher[T] {
	if spec.Limit <= 0 {
		spec.Limit = DefaultLimit
	}
	m := &Matcher[T]{spec: spec, emit: emit, keys: map[string]*keyState[T]{}, sweepAt: minSweep}
	for _, missing := range spec.Missing {
		m.stage = append(m.stage, m.positives)
		m.gap = append(m.gap, m.positives)
		if !missing {
			m.positives++
		}
	}
	return m
}

// Add takes the next event of the stream, in order of time, with all steps that it fits. It returns
// false when no more events are needed.
func (m *Matcher[T]) Add(e Event[T], fits []Fit) (bool, error) {
	if !m.started || e.Ordinal.Compare(m.now) > 0 {
		m.settle()
		m.now, m.started = e.Ordinal, true
		m.release(e.Ordinal.Time)
	}
	// The later step first, so that one event never fills two steps of the same sequence.
	slices.SortFunc(fits, func(a, b Fit) int { return b.Step - a.Step })
	for _, f := range fits {
		for _, key := range f.Keys {
			m.fit(e, f.Step, key)
		}
	}
	if m.partials+len(m.keys) >= m.sweepAt {
		m.sweep()
	}
	if m.partials > m.spec.Limit {
		return false, ErrTooMany
	}
	return !m.ended, nil
}

func (m *Matcher[T]) fit(e Event[T], step int, key Key) {
	switch {
	case step == Until:
		s := m.state(key) // it also ends sequences that begin at the same moment, later in the stream
		s.until = push(s.until, e.Ordinal)
	case m.spec.Missing[step]:
		m.state(key).missed(m, m.gap[step], e.Ordinal.Time)
	case m.stage[step] == 0:
		m.advance(m.state(key), partial[T]{last: e.Ordinal, start: e.Ordinal.Time, chain: &link[T]{event: e}}, 0)
	default:
		switch s := m.keys[key.id()]; {
		case s != nil:
			m.extend(s, e, m.stage[step])
		case m.watch != nil:
			m.watch(Progress[T]{Key: key, Step: step, Event: &e, What: Unpreceded})
		}
	}
}

// extend appends the event to the latest partial sequence of the previous stage that ends before
// it.
func (m *Matcher[T]) extend(s *keyState[T], e Event[T], stage int) {
	p, ok := m.take(s, stage-1, e.Ordinal)
	if !ok {
		m.report(s, stage, &e, nil, Unpreceded)
		return
	}
	if m.spec.MaxSpan > 0 && e.Ordinal.Time-p.start > int64(m.spec.MaxSpan) {
		m.report(s, stage, &e, p.chain, TooLate)
		return
	}
	if u, ok := before(s.until, e.Ordinal); ok && p.last.Compare(u) <= 0 {
		m.report(s, stage, &e, p.chain, Ended)
		return
	}
	m.advance(s, partial[T]{last: e.Ordinal, start: p.start, chain: &link[T]{before: p.chain, event: e}}, stage)
}

// advance stores a partial sequence under its stage, or completes it.
func (m *Matcher[T]) advance(s *keyState[T], p partial[T], stage int) {
	m.report(s, stage, nil, p.chain, Advanced)
	if stage == m.positives-1 {
		m.complete(s, p)
		return
	}
	list := &s.stages[stage]
	m.partials -= len(*list)
	if n := len(*list); n > 0 && (*list)[n-1].last.Compare(p.last) < 0 {
		*list = append((*list)[:0], (*list)[n-1], p)
	} else if n == 2 {
		(*list)[1] = p
	} else {
		*list = append((*list)[:0], p)
	}
	m.partials += len(*list)
}

// take removes and returns the latest partial sequence of a stage that ends before the ordinal, and
// drops all older ones: the newest replaces them.
func (m *Matcher[T]) take(s *keyState[T], stage int, o Ordinal) (partial[T], bool) {
	list := s.stages[stage]
	for i, p := range slices.Backward(list) {
		if p.last.Compare(o) >= 0 {
			continue
		}
		rest := slices.Clone(list[i+1:])
		m.partials -= len(list) - len(rest)
		s.stages[stage] = rest
		return p, true
	}
	return partial[T]{}, false
}
