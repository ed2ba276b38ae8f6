package query

import (
	"slices"
	"strings"
	"time"

	"tocsin/internal/diag/failure"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search/indexname"
)

// Names are a rule's index patterns. Date math in them is resolved for a slot and for the window that is read.
type Names struct {
	patterns []string
	slot     time.Time
}

// NamesAt returns index patterns for a slot. With the zero time, date math is not resolved.
func NamesAt(patterns []string, slot time.Time) Names { return Names{patterns, slot} }

// Over returns the patterns for a window. Without a slot they are returned as they are.
func (n Names) Over(w window.Window) ([]string, error) {
	if n.slot.IsZero() {
		return n.patterns, nil
	}
	if w.To.IsZero() && !w.From.IsZero() {
		w.To = n.slot
	}
	out, err := indexname.Resolve(n.patterns, n.slot, w)
	if err != nil {
		return nil, &failure.Error{Kind: failure.Rejected, Op: "read the names of indices", Err: err}
	}
	return out, nil
}

// Of is [Names.Over] for a window within another that [Names.Over] accepted: it has no more names, so it cannot fail.
func (n Names) Of(w window.Window) []string {
	out, err := n.Over(w)
	if err != nil {
		return n.patterns // the search for events will refuse them
	}
	return out
}

// Missing returns the patterns for names that match nothing. A pattern with date math is missing if no index exists under
// any of its names.
func (n Names) Missing(gone []string, w window.Window) []string {
	if n.slot.IsZero() || !indexname.HasDateMath(n.patterns) {
		return gone
	}
	var out []string
	for _, list := range n.patterns {
		for pattern := range strings.SplitSeq(list, ",") {
			pattern = strings.TrimSpace(pattern)
			all, err := indexname.Names(pattern, n.slot, w)
			there := func(name string) bool { return !slices.Contains(gone, name) }
			if err == nil && !strings.HasPrefix(pattern, "-") && !slices.ContainsFunc(all, there) {
				out = append(out, pattern)
			}
		}
	}
	return out
}

// Hull returns the shortest window that includes both windows.
func Hull(a, b window.Window) window.Window {
	switch {
	case a.Empty():
		return b
	case b.Empty():
		return a
	}
	if b.From.Before(a.From) {
		a.From = b.From
	}
	if b.To.After(a.To) {
		a.To = b.To
	}
	return a
}
