package store

import (
	"slices"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// lineMatcher reads lines for a search, and of each line only what the search needs. It is for one
// goroutine at a time.
type lineMatcher struct {
	scan   *scan
	cutter cutter
	names  *indexNamer
	view   *event.View
	// matching is nil if the view is another caller's: then its field numbers differ from the
	// scan's set.
	matching *condition.Matching
	// variant is the variant of the last hit.
	variant int32
}

// newSelection returns what the searches of a scan read: the fields of the condition, with its
// numbers, then the fields of the order, then the fields that name the index.
func newSelection(set *condition.Set, variants []search.Variant) *event.Selection {
	fields := slices.Clone(set.Fields())
	for _, v := range variants {
		for _, f := range v.Ordering.Fields() {
			if !slices.ContainsFunc(fields, func(known mapping.Field) bool { return known.Name == f.Name && known.SameValues(f) }) {
				fields = append(fields, f)
			}
		}
	}
	return event.NewSelection(append(fields, streamFields...), set.Objects())
}

// line reports whether a line is an event, and whether it is a hit, which it then returns. The hit
// has no id if its id is a hash of its content (see [identify]), and is valid until the cutter's
// forget.
func (l *lineMatcher) line(text []byte) (hit event.Event, good, isHit bool) {
	c, ok := l.read(text)
	if !ok {
		return hit, false, false
	}
	hit = event.Event{Index: l.names.name(c.index), ID: string(c.id), Source: c.source}
	if hit.Index == "" {
		var err error
		if hit.Index, err = l.names.stream(l.view, c.source); err != nil {
			return hit, false, false
		}
	}
	hit.Types = l.scan.types(hit.Index)
	if l.view.Named() {
		if identify(&hit) != nil {
			return hit, false, false
		}
		l.view.Name(hit.Index, hit.ID)
	}
	scope, covered := l.scan.scopes[hit.Index]
	if !covered || !l.wanted(&hit) {
		return hit, true, false
	}
	return hit, true, l.matches(scope)
}

// matches reports whether the current event is a hit of a variant.
func (l *lineMatcher) matches(scope condition.Scope) bool {
	if l.matching != nil {
		matched := l.matching.Match(l.view, scope)
		if len(matched) > 0 {
			l.variant = matched[0]
		}
		return len(matched) > 0
	}
	for i, m := range l.scan.single {
		if scope.Has(i) && m.Match(l.view) {
			l.variant = int32(i)
			return true
		}
	}
	return false
}

// read shows a line to the view; false: it is not an event.
func (l *lineMatcher) read(text []byte) (cut, bool) {
	if c, ok := l.cutter.bare(text); ok && l.view.Read(c.source) == nil && !l.view.Underscored() {
		return c, true
	}
	c, ok := l.cutter.of(text)
	return c, ok && l.view.Read(c.source) == nil
}

// wanted reports whether a document is one of the requested documents.
func (l *lineMatcher) wanted(e *event.Event) bool {
	return l.scan.only == nil || identify(e) == nil && l.scan.only[e.Ref()]
}

// place returns the sort position of the current line.
func (l *lineMatcher) place() search.Place { return l.scan.variants[l.variant].Ordering.Of(l.view) }
