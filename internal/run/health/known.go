package health

import (
	"slices"
	"time"
)

// Phase says whether a state is there.
type Phase string

// The phases. A state has happened if it reports something whose end nobody is told of.
const (
	Open     Phase = "open"
	Happened Phase = "happened"
	Ended    Phase = "ended"
)

// Phases are all phases.
var Phases = []Phase{Open, Happened, Ended}

// Episode is the last episode of a state.
type Episode struct {
	State

	Phase Phase
	// Until is the end of the episode; zero unless it has ended.
	Until time.Time
}

// Known is what a runner knows of the states of all runners.
type Known struct {
	// Episodes are those of the states that there are, the most fundamental first, and the last ones of others, the latest first.
	Episodes []Episode
	// Agreed is when the runners last agreed about them, zero if they did not since the start; Err is why they could not since, nil if they
	// did or have not tried yet.
	Agreed time.Time
	Err    error
}

// Known returns what the runner knows.
func (b *Board) Known() Known {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Known{b.episodes(), b.agreed, b.disagreed}
}

// States returns the states that there are, the most fundamental first.
func (b *Board) States() []State {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []State
	for _, e := range b.episodes() {
		if e.Phase == Open {
			out = append(out, e.State)
		}
	}
	return out
}

func (b *Board) episodes() []Episode {
	out := make([]Episode, 0, len(b.doc.Records))
	for _, r := range b.doc.Records {
		switch {
		case r.Episode == 0:
		case Describe(r.Kind).Passing:
			out = append(out, Episode{State: r.state(), Phase: Happened})
		case r.Open:
			out = append(out, Episode{State: r.state(), Phase: Open})
		default:
			out = append(out, Episode{State: r.state(), Phase: Ended, Until: r.Closed})
		}
	}
	slices.SortStableFunc(out, func(x, y Episode) int {
		switch {
		case x.Phase == Open && y.Phase == Open:
			return rank(x.Kind) - rank(y.Kind)
		case x.Phase == Open:
			return -1
		case y.Phase == Open:
			return 1
		}
		return y.latest().Compare(x.latest())
	})
	return out
}

// latest is the time of the last change.
func (e Episode) latest() time.Time {
	if e.Phase == Ended {
		return e.Until
	}
	return e.Since
}
