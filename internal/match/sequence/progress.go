package sequence

// What is what became of a partial sequence.
type What int

// The kinds of progress.
const (
	// Advanced: the partial sequence Before has reached the step.
	Advanced What = iota
	// Unpreceded: Event fits the step, and no partial sequence had reached the step before it.
	Unpreceded
	// TooLate: Event fits the step, and comes more than the maximum span after the first of Before.
	TooLate
	// Ended: Event fits the step, and an until event has ended Before.
	Ended
	// Spoiled: Before has all events, and an event occurred that must be missing.
	Spoiled
)

// Progress is a moment in the life of a partial sequence.
type Progress[T any] struct {
	Key Key
	// Step counts from 0 with runs expanded.
	Step int
	// Event is the event that could not be taken; nil otherwise.
	Event *Event[T]
	// Before are the events of the partial sequence, the first one first.
	Before []*Event[T]
	What   What
}

// Watch sets a func that is told of the progress of every partial sequence, for explanations. Call it before the first
// event.
func (m *Matcher[T]) Watch(watch func(Progress[T])) { m.watch = watch }

func (m *Matcher[T]) report(s *keyState[T], stage int, e *Event[T], before *link[T], what What) {
	if m.watch != nil {
		m.watch(Progress[T]{Key: s.key, Step: m.step(stage), Event: e, Before: before.events(), What: what})
	}
}

// step returns the step of a stage.
func (m *Matcher[T]) step(stage int) int {
	for i, missing := range m.spec.Missing {
		if !missing && m.stage[i] == stage {
			return i
		}
	}
	return -1
}
