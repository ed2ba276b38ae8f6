package indexname

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/scheduler/window"
)

// maxNames is the maximum number of names of one pattern over a window.
const maxNames = 1000

// HasDateMath reports whether one of the patterns has date math.
func HasDateMath(patterns []string) bool {
	return slices.ContainsFunc(patterns, func(list string) bool {
		return strings.Contains(list, "<") && slices.ContainsFunc(split(list), isDateMath)
	})
}

func isDateMath(pattern string) bool {
	_, _, ok := isMath(pattern)
	return ok
}

// split splits a list of patterns in one text.
func split(list string) []string {
	parts := strings.Split(list, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// Check returns what is wrong with the date math of a pattern.
func Check(pattern string) error {
	for _, one := range split(pattern) {
		if _, expression, ok := isMath(one); ok {
			if _, err := parse(expression); err != nil {
				return err
			}
		}
	}
	return nil
}

// Resolve replaces the date math of patterns by the names for every moment from the beginning of the window
// to its end, and for the slot, unless it is zero. Patterns without date math are returned unchanged.
func Resolve(patterns []string, slot time.Time, w window.Window) ([]string, error) {
	if !HasDateMath(patterns) {
		return patterns, nil
	}
	var out []string
	wildcard := false
	for _, list := range patterns {
		for _, one := range split(list) {
			names, err := Names(one, slot, w)
			if err != nil {
				return nil, err
			}
			for _, n := range names {
				// A minus means an exclusion only after a wildcard, and no index name begins with a minus.
				if strings.HasPrefix(n, "-") && (!wildcard || !strings.HasPrefix(one, "-")) {
					continue
				}
				wildcard = wildcard || n == "_all" || strings.Contains(n, "*")
				if n != "" && !slices.Contains(out, n) {
					out = append(out, n)
				}
			}
		}
	}
	if out == nil { // without patterns, Elasticsearch would search every index
		return nil, fmt.Errorf("index names %s match nothing: a minus excludes from the wildcards before it", strings.Join(patterns, ","))
	}
	return out, nil
}

// Names returns the names of one pattern; a pattern without date math is its own name.
func Names(pattern string, slot time.Time, w window.Window) ([]string, error) {
	before, expression, ok := isMath(pattern)
	if !ok {
		return []string{pattern}, nil
	}
	n, err := parse(expression)
	if err != nil {
		return nil, err
	}
	var out []string
	add := func(at time.Time) error {
		text := before + n.at(at)
		if slices.Contains(out, text) {
			return nil
		}
		if out = append(out, text); len(out) > maxNames {
			return fmt.Errorf("index name %s has more than %d names over %s: write a coarser date format, or a star", pattern, maxNames, w)
		}
		return nil
	}
	if !w.Empty() && !w.From.IsZero() {
		if err := n.each(w.From, w.To.Add(-time.Millisecond), add); err != nil {
			return nil, err
		}
	}
	if !slot.IsZero() {
		err = add(slot)
	}
	return out, err
}

// each calls visit with moments that cover all names from one time to another, both included.
func (n name) each(from, to time.Time, visit func(time.Time) error) error {
	if err := visit(from); err != nil {
		return err
	}
	step := max(time.Hour, to.Sub(from)/maxSteps)
	for from.Before(to) {
		next := from.Add(step)
		if next.After(to) {
			next = to
		}
		if err := n.between(from, next, visit); err != nil {
			return err
		}
		from = next
	}
	return nil
}

// maxSteps bounds the hours that are visited one by one.
const maxSteps = 10_000

// between visits moments after from, up to and including to. Within an hour, the dates of a name never go
// back in time, so two moments with the same dates have no others between them.
func (n name) between(from, to time.Time, visit func(time.Time) error) error {
	if n.same(from, to) {
		return nil
	}
	middle := from.Add(to.Sub(from) / 2).Truncate(time.Millisecond)
	if !middle.After(from) {
		return visit(to)
	}
	if err := n.between(from, middle, visit); err != nil {
		return err
	}
	return n.between(middle, to, visit)
}

func (n name) same(a, b time.Time) bool {
	for _, p := range n.parts {
		if p.zone != nil && !p.format.floor(p.date(a)).Equal(p.format.floor(p.date(b))) {
			return false
		}
	}
	return true
}

// date returns the date of a part at a moment.
func (p part) date(now time.Time) time.Time {
	if p.fixed != nil {
		now = *p.fixed
	}
	return p.math.In(now, p.zone, false).In(p.zone)
}

// at returns the name at a moment.
func (n name) at(now time.Time) string {
	var b strings.Builder
	for _, p := range n.parts {
		if b.WriteString(p.text); p.zone != nil {
			p.format.write(&b, p.date(now))
		}
	}
	return b.String() + n.selector
}

// Same reports whether two slots, each with its window, read the same names.
func Same(patterns []string, a time.Time, wa window.Window, b time.Time, wb window.Window) bool {
	if !HasDateMath(patterns) {
		return true
	}
	x, errX := Resolve(patterns, a, wa)
	y, errY := Resolve(patterns, b, wb)
	if errX != nil || errY != nil {
		return false
	}
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}
