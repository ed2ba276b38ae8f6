package query

import (
	"slices"
	"strings"
	"time"

	"tocsin/internal/diag/failure"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search/indexname"
)

// Names are a rule's index patterns. Date math in them is that of a slot and of the window that is read.
type Names struct {
	patterns []string
	slot     time.Time
}

// NamesAt are index patterns at a slot; the zero time is none, and leaves them as they are.
func NamesAt(patterns []string, slot time.Time) Names { return Names{patterns, slot} }

// Over returns the patterns for a window; without a slot they stay as they are.
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

// Of returns the patterns for a window within one that [Names.Over] has answered for: they are no more
// names than those.
func (n Names) Of(w window.Window) []string {
	out, err := n.Over(w)
	if err != nil {
		return n.patterns // which the place of the events refuses
	}
	return out
}

// Missing leads names that match nothing back to the patterns that they were written as: one with date math
// is missing when no index of any of its names is there.
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

// Hull is the shortest window with both in it.
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
