package store

import (
	"slices"

	"tocsin/internal/condition"
	"tocsin/internal/event"
	"tocsin/internal/mapping"
	"tocsin/internal/search"
)

// look reads lines for a search: no more of them than the search asks for. It is for one goroutine
// at a time.
type look struct {
	scan   *scan
	cutter cutter
	naming *naming
	view   *event.View
	// matching is nil where the view is somebody else's: then its numbers are not those of the scan's set.
	matching *condition.Matching
	// variant is that of the last hit.
	variant int32
}

// newSelection is what the searches of a scan read: what the condition asks for, under the numbers that
// it has there, then what the order goes by, and what names the index.
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

// line reports whether a line is an event, and whether it is a hit, which is returned then. The hit has
// no id where that is one of its content (see [identify]), and is good until the cutter forgets.
func (l *look) line(text []byte) (hit event.Event, good, isHit bool) {
	c, ok := l.read(text)
	if !ok {
		return hit, false, false
	}
	hit = event.Event{Index: l.naming.name(c.index), ID: string(c.id), Source: c.source}
	if hit.Index == "" {
		var err error
		if hit.Index, err = l.naming.stream(l.view, c.source); err != nil {
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

// matches reports whether the event that was read is a hit of a variant.
func (l *look) matches(scope condition.Scope) bool {
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

// read shows a line to the view; false: it is no event.
func (l *look) read(text []byte) (cut, bool) {
	if c, ok := l.cutter.bare(text); ok && l.view.Read(c.source) == nil && !l.view.Underscored() {
		return c, true
	}
	c, ok := l.cutter.of(text)
	return c, ok && l.view.Read(c.source) == nil
}

// wanted reports whether a document is one of those that are searched for by their places.
func (l *look) wanted(e *event.Event) bool {
	return l.scan.only == nil || identify(e) == nil && l.scan.only[e.Ref()]
}

// place is where the line that was read last stands in the order of the search.
func (l *look) place() search.Place { return l.scan.variants[l.variant].Ordering.Of(l.view) }
