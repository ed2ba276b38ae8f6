package query

import (
	"slices"
	"strings"
	"time"

	"tocsin/internal/diag/failure"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search/indexname"
)

// names are a rule's index patterns. Date math in them is that of a slot and of the window that is read.
type names struct {
	patterns []string
	slot     time.Time
}

func namesAt(patterns []string, slot time.Time) names { return names{patterns, slot} }

// over returns the patterns for a window; without a slot they stay as they are.
func (n names) over(w window.Window) ([]string, error) {
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

// of returns the patterns for a window within one that [names.over] has answered for: they are no more
// names than those.
func (n names) of(w window.Window) []string {
	out, err := n.over(w)
	if err != nil {
		return n.patterns // which the place of the events refuses
	}
	return out
}

// missing leads names that match nothing back to the patterns that they were written as: one with date math
// is missing when no index of any of its names is there.
func (n names) missing(gone []string, w window.Window) []string {
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

// hull is the shortest window with both in it.
func hull(a, b window.Window) window.Window {
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
