package window

import (
	"time"

	"tocsin/internal/scheduler/datemath"
)

// Window is the time from From, included, to To, excluded. It is half open, so that adjacent windows share no
// event and leave none out.
type Window struct {
	From, To time.Time
}

// At returns the window of the run at slot, for a rule with the given look-back. Both ends are in UTC. If the
// rule's from is not before its to, the window is empty.
func At(slot time.Time, from, to datemath.Expr) Window {
	return Window{From: from.At(slot), To: to.At(slot)}
}

// Contains reports whether t lies in the window.
func (w Window) Contains(t time.Time) bool {
	return !t.Before(w.From) && t.Before(w.To)
}

// Empty reports whether no time lies in the window; a window that ends before it begins is empty.
func (w Window) Empty() bool {
	return !w.From.Before(w.To)
}

// String returns "[from, to)", both in UTC as RFC 3339 with as many decimals as they need.
func (w Window) String() string {
	return "[" + format(w.From) + ", " + format(w.To) + ")"
}

func format(t time.Time) string {
	return t.UTC().Format(time.RFC3339Nano)
}
