package search

import (
	"slices"
	"strings"

	"tocsin/internal/diag/failure"
	"tocsin/internal/scheduler/window"
)

// Unread is a place that a pattern matches and that cannot be read.
type Unread struct {
	// Name is an index, a pattern, or a pattern of a remote cluster.
	Name string
	Why  failure.Unread
	// Reason says in words what to do about it, or repeats the answer of the cluster.
	Reason string
	// Holds is the time range of the events that the place may hold, zero if unknown. An index may hold
	// events that are older than itself, so Meets extends the range back by the length of the window.
	Holds window.Window
}

// Meets reports whether the place may have events of a window.
func (u Unread) Meets(w window.Window) bool {
	if u.Holds == (window.Window{}) || w == (window.Window{}) {
		return true
	}
	if w.To.IsZero() || w.From.IsZero() {
		return true
	}
	from := u.Holds.From.Add(w.From.Sub(w.To))
	return w.To.After(from) && w.From.Before(u.Holds.To)
}

// UnreadIn returns the unread places of a target that may hold events of a window.
func UnreadIn(t Target, w window.Window) []Unread {
	return slices.DeleteFunc(slices.Clone(t.Unread), func(u Unread) bool { return !u.Meets(w) })
}

// maxUnread is the maximum number of places in an error.
const maxUnread = 5

// UnreadError returns the error for unread places; nil if there are none.
func UnreadError(op string, places []Unread) error {
	if len(places) == 0 {
		return nil
	}
	var parts []string
	for i, u := range places {
		if i == maxUnread {
			parts = append(parts, "and others")
			break
		}
		parts = append(parts, u.Name+" was not read: "+u.Reason)
	}
	return &failure.Error{Kind: failure.Partial, Op: op, Unread: places[0].Why, Reason: strings.Join(parts, "; ")}
}
