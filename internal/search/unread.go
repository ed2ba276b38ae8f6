package search

import (
	"slices"
	"strings"

	"tocsin/internal/diag/failure"
	"tocsin/internal/scheduler/window"
)

// Unread is a place of events that matches a pattern but cannot be read.
type Unread struct {
	// Name is an index or a pattern, possibly in a remote cluster.
	Name string
	Why  failure.Unread
	// Reason explains what to do about it, or is the error message.
	Reason string
	// Holds is the range of time of the events in the place; zero if it is not known. An index may have events that are
	// older than itself, so Holds is compared with a window that reaches back twice as far.
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

// UnreadIn returns the unread places of a target that may have events of a window.
func UnreadIn(t Target, w window.Window) []Unread {
	return slices.DeleteFunc(slices.Clone(t.Unread), func(u Unread) bool { return !u.Meets(w) })
}

// maxUnread is the maximum number of places in an error message.
const maxUnread = 5

// UnreadError returns a partial failure for unread places; nil if there are none.
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
