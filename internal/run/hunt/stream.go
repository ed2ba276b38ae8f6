package hunt

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"tocsin/internal/match/condition"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/batch"
	"tocsin/internal/search/indexname"
	"tocsin/internal/search/planner"
)

// dated reports whether the names of a rule's indices depend on the range that is read.
func dated(r *rule.Rule) bool { return indexname.HasDateMath(r.Reads()) }

// stream makes the shared read: it counts the hits of direct rules, and the candidates of others.
func (h *hunt) stream(ctx context.Context) error {
	counter, indexed := search.As[search.Counter](h.events)
	var needs []planner.Need
	var of []*target
	for _, t := range h.targets {
		if t.done {
			continue
		}
		for _, r := range t.reads {
			// A rule that is run again is not worth a search for its candidates.
			needs = append(needs, planner.Need{Request: r.Request, ScanOnly: !t.direct, SearchOnly: r.SearchOnly})
			of = append(of, t)
		}
	}
	census := -1
	if !indexed {
		all, err := h.everything(ctx)
		if err != nil {
			return err
		}
		census = len(needs)
		needs = append(needs, planner.Need{Request: all, AllTime: true})
	}
	parts := h.Planner.Options.Slices
	if parts <= 0 {
		parts = runtime.GOMAXPROCS(0)
	}
	s := newSheets(parts, len(needs), census, h.reach)
	var why []error
	why, h.report.Round = h.Planner.Stream(ctx, h.events, needs, s.take)
	if err := ctx.Err(); err != nil {
		return err //nolint:wrapcheck // it is the caller's own
	}
	for i, t := range of {
		switch tally := s.sum(i); {
		case why[i] != nil:
			t.candidates, t.unread = nil, true
		case t.direct:
			t.Tally, t.done = tally, true
		case t.unread: // another read is unknown
		case t.candidates == nil:
			t.candidates = &tally
		default:
			t.candidates.Merge(&tally)
		}
	}
	switch {
	case indexed:
		return h.count(ctx, counter, needs)
	case why[census] != nil: // no read for the rules was wanted, or it failed
		s = newSheets(parts, 1, 0, h.reach)
		alone, _, err := batch.Stream(ctx, h.events, []search.Request{needs[census].Request}, parts, s.take)
		if err = cmp.Or(err, alone[0]); err != nil {
			return fmt.Errorf("read the events: %w", err)
		}
		census = 0
	}
	seen, outside := s.sum(census), s.outside()
	h.seen = &seen
	h.report.Census = &Census{Inside: seen.Hits - seen.Untimed, Outside: outside.Hits, Untimed: seen.Untimed, First: outside.First, Last: outside.Last}
	h.report.Range = h.found(seen)
	return nil
}

// found is the range, with the times of the events for the bounds that it lacks; zero if there is no event.
func (h *hunt) found(seen Tally) window.Window {
	w := h.Range
	if seen.First.IsZero() && (w.From.IsZero() || w.To.IsZero()) {
		return window.Window{}
	}
	if w.From.IsZero() {
		w.From = seen.First.Truncate(time.Second)
	}
	if w.To.IsZero() {
		w.To = seen.Last.Truncate(time.Second).Add(time.Second)
	}
	return w
}

// everything is the request for all events.
func (h *hunt) everything(ctx context.Context) (search.Request, error) {
	patterns := []string{"*"}
	place, err := h.events.Resolve(ctx, patterns, []string{search.DefaultTimestamp})
	if err != nil {
		return search.Request{}, fmt.Errorf("read the events: %w", err)
	}
	return search.Request{Patterns: patterns, Where: condition.Const(true), OrderBy: search.DefaultTimestamp, FieldTypes: place.Fields}, nil
}

// count asks an index for the census, of the patterns of all rules. Without an answer there is no census: the rules'
// searches tell what fails.
func (h *hunt) count(ctx context.Context, counter search.Counter, needs []planner.Need) error {
	if len(needs) == 0 {
		return nil
	}
	requests := make([]search.Request, len(needs))
	for i, n := range needs {
		requests[i] = n.Request
	}
	one := func(where condition.Expr, w window.Window) (int64, error) {
		r := batch.Union(requests)
		r.Patterns = slices.DeleteFunc(r.Patterns, func(p string) bool { return strings.HasPrefix(p, "-") })
		r.Where, r.FieldTypes = where, requests[0].FieldTypes
		r.Time = search.TimeRange{Field: search.DefaultTimestamp, Window: w}
		return counter.Count(ctx, r) //nolint:wrapcheck // no answer is no census
	}
	var c Census
	all, err := one(condition.Const(true), window.Window{})
	if err == nil {
		c.Inside, err = one(condition.Const(true), h.Range)
	}
	if err == nil {
		c.Untimed, err = one(condition.Not{X: condition.Exists{Field: search.DefaultTimestamp}}, window.Window{})
	}
	if err == nil {
		c.Outside = max(0, all-c.Inside-c.Untimed)
		h.report.Census = &c
	}
	return ctx.Err() //nolint:wrapcheck // it is the caller's own
}

// sheets are the tallies of each part of a read, so that the parts do not wait for each other.
type sheets struct {
	within window.Window
	census int
	parts  []sheet
}

type sheet struct {
	tallies []*Tally
	// out are the events of the census outside the range.
	out Tally
}

func newSheets(parts, requests, census int, within window.Window) *sheets {
	s := &sheets{within: within, census: census, parts: make([]sheet, parts)}
	for i := range s.parts {
		s.parts[i].tallies = make([]*Tally, requests)
	}
	return s
}

// take counts a hit.
func (s *sheets) take(part, request int, at time.Time) {
	p := &s.parts[part]
	if request == s.census && !at.IsZero() && !s.within.Contains(at) {
		p.out.Add(at)
		return
	}
	if p.tallies[request] == nil {
		p.tallies[request] = &Tally{}
	}
	p.tallies[request].Add(at)
}

// sum returns the tally of a request.
func (s *sheets) sum(request int) Tally {
	var out Tally
	for _, p := range s.parts {
		if t := p.tallies[request]; t != nil {
			out.Merge(t)
		}
	}
	return out
}

func (s *sheets) outside() Tally {
	var out Tally
	for i := range s.parts {
		out.Merge(&s.parts[i].out)
	}
	return out
}

// readsOf returns the reads of a prepared plan, none if it has no reads.
func readsOf(p query.Prepared, w window.Window) []query.Read {
	if r, ok := p.(query.Reader); ok {
		return r.Reads(w)
	}
	return nil
}
