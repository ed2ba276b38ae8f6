package search

import (
	"slices"
	"strings"

	"tocsin/internal/diag/failure"
	"tocsin/internal/scheduler/window"
)

// Unread is a place of events that a pattern means and that cannot be read.
type Unread struct {
	// Name is an index, a pattern, or one of a remote cluster.
	Name string
	Why  failure.Unread
	// Reason says in words what to do about it, or what the other side said.
	Reason string
	// Holds is the time of the events that the place may hold, zero where that is not known. An index may hold
	// events that are older than itself: it is compared with a window that reaches back as far again.
	Holds window.Window
}

// Meets reports whether events of a window may be in the place.
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

// UnreadIn are the places of a target that a window cannot do without.
func UnreadIn(t Target, w window.Window) []Unread {
	return slices.DeleteFunc(slices.Clone(t.Unread), func(u Unread) bool { return !u.Meets(w) })
}

// maxUnread bounds the places that an error names.
const maxUnread = 5

// UnreadError is what a window lacks without places, nil where it lacks none.
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
