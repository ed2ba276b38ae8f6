package batch

import (
	"bytes"
	"fmt"
	"iter"
	"strings"
	"time"

	"tocsin/internal/diag/failure"
	"tocsin/internal/diag/invariants"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
)

// reader matches the events of one part of the read.
type reader struct {
	scan *scan
	// part is the number of the part.
	part     int
	events   int64
	matching time.Duration
	matcher  *condition.Matching
	view     *event.View
	// first are hits kept for arranging the set.
	first []event.Event
	// of is the set of the matcher: a better arranged set may replace it during the read.
	of *condition.Set
	// covering holds, by index name, the variants that cover the index; nil: none does.
	covering map[string]condition.Scope
	// alone are single-variant matchers, for matching again after a crash.
	alone []single
}

func newReader(s *scan) *reader {
	return &reader{scan: s, view: s.matched.selection.NewView(), covering: map[string]condition.Scope{}}
}

// visit matches a page. It runs in a goroutine of the read, where a panic would end the process. A
// panic of matching is attributed to the member that causes it. Any other panic is an error that
// ends the scan, and its requests are searched for.
func (r *reader) visit(page []event.Event) (more bool, err error) {
	start := time.Now()
	defer func() { r.matching += time.Since(start) }()
	err = failure.Guard("match events", func() error { return r.page(page) })
	return err == nil, err //nolint:wrapcheck // the error names the operation
}

func (r *reader) page(page []event.Event) error {
	r.arrange(page)
	for next := 0; next < len(page); {
		crash, err := r.matchFrom(page, &next)
		if err != nil {
			return err
		}
		if crash == nil {
			continue
		}
		if err := r.isolate(&page[next], crash); err != nil {
			return err
		}
		next++
	}
	return nil
}

// View implements [search.Sight].
func (r *reader) View() *event.View { return r.view }

// See is like visit for hits that the view shows already. The first hits are kept until they are
// enough to arrange the set, and then matched as a page.
func (r *reader) See(hits iter.Seq[*event.Event]) error {
	start := time.Now()
	defer func() { r.matching += time.Since(start) }()
	view := r.view                                      // After a crash the reader has a new view; this one shows the hits.
	return failure.Guard("match events", func() error { //nolint:wrapcheck // the error names the operation
		if r.scan.matched.untuned() {
			if r.first = append(r.first, copied(hits)...); len(r.first) < minSample {
				return nil
			}
			return r.matchFirst()
		}
		if err := r.matchFirst(); err != nil {
			return err
		}
		r.arrange(nil)
		for e := range hits {
			crash, err := r.tryShown(e, view)
			if err == nil && crash != nil {
				err = r.isolate(e, crash)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// matchFirst matches the kept hits.
func (r *reader) matchFirst() error {
	page := r.first
	r.first = nil
	return r.page(page)
}

// finish matches the rest at the end of the read.
func (r *reader) finish() error {
	_, err := r.visit(r.first)
	r.first = nil
	return err
}

// copied returns copies of hits.
func copied(hits iter.Seq[*event.Event]) []event.Event {
	var page []event.Event
	for e := range hits {
		own := *e
		own.Source = bytes.Clone(e.Source)
		page = append(page, own)
	}
	return page
}

// arrange switches to the best known set.
func (r *reader) arrange(page []event.Event) {
	if set := r.scan.matched.arranged(r.view, page); set != r.of {
		r.of, r.matcher = set, set.NewMatching()
	}
}

// matchFrom matches the events of a page from index next on. When it crashes, next is the event
// that it crashed on.
func (r *reader) matchFrom(page []event.Event, next *int) (crash any, err error) {
	defer func() {
		crash = recover()
		invariants.Recovered(crash)
	}()
	for ; *next < len(page); *next++ {
		if err := r.match(&page[*next]); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (r *reader) match(e *event.Event) error {
	r.events++
	scope, err := r.scope(e)
	if scope == nil {
		return err
	}
	if err := r.view.ReadEvent(e); err != nil {
		return refusal("read events", err)
	}
	return r.matchShown(e, r.view, scope)
}

// tryShown matches an event that a view shows.
func (r *reader) tryShown(e *event.Event, view *event.View) (crash any, err error) {
	defer func() {
		crash = recover()
		invariants.Recovered(crash)
	}()
	r.events++
	scope, err := r.scope(e)
	if scope == nil {
		return nil, err
	}
	return nil, r.matchShown(e, view, scope)
}

func (r *reader) matchShown(e *event.Event, view *event.View, scope condition.Scope) error {
	if r.scan.matched.selection.Named() {
		if err := r.scan.identify(e); err != nil {
			return err
		}
		view.Name(e.Index, e.ID)
	}
	found := r.matcher.Match(view, scope)
	if invariants.Enabled {
		r.matcher.Recheck(func() (condition.Document, error) { return e.Document() }, scope)
	}
	var k keeper
	for _, i := range found {
		if r.scan.within[i].Match(view) {
			if err := r.keep(&k, e, int(i), view); err != nil {
				return err
			}
		}
	}
	return nil
}

// keeper holds one copy of an event for all requests that it is a hit of.
type keeper struct{ event *event.Event }

// keep adds an event to the hits of a variant.
func (r *reader) keep(k *keeper, e *event.Event, variant int, d condition.Document) error {
	if r.scan.take != nil {
		r.scan.stream(r.part, variant, d)
		return nil
	}
	if k.event == nil {
		copied := *e
		copied.Source = bytes.Clone(e.Source) // the source may be a part of a page
		if err := r.scan.identify(&copied); err != nil {
			return err
		}
		k.event = &copied
	}
	v := &r.scan.matched.variants[variant]
	r.scan.budget.add(v.member, placed{v.Ordering.Of(d), k.event})
	return nil
}

// scope returns the scope of an event's index; nil when the scan does not cover the index.
func (r *reader) scope(e *event.Event) (condition.Scope, error) {
	scope := r.covered(e.Index)
	if scope == nil && !r.scan.known(e.Index) {
		return nil, refusal("read events", fmt.Errorf("index [%s] was created during the read", e.Index))
	}
	return scope, nil // nil where the requests whose patterns match the index exclude it
}

func (r *reader) covered(index string) condition.Scope {
	scope, known := r.covering[index]
	if !known {
		some := false
		variants := r.scan.matched.variants
		scope = condition.NewScope(len(variants), func(i int) bool {
			v := &variants[i]
			m := r.scan.members[v.member]
			covers := m != nil && m.covers(index) && v.Way.Has(index) && r.scan.of(v.member) == nil
			some = some || covers
			return covers
		})
		if !some {
			scope = nil
		}
		r.covering[strings.Clone(index)] = scope
	}
	return scope
}
