package threatmatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/indicator"
	"tocsin/internal/query"
	"tocsin/internal/query/binding"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// threatSearch is a threatPlan bound to mappings.
type threatSearch struct {
	plan               *threatPlan
	target, indicators search.Target
	// where is the condition on events, indicatorWhere the condition on indicators.
	where, indicatorWhere *binding.Where
	groups                []indicator.Group
	// names are the entries of the groups.
	names [][]entryName
	// slot and window are used to resolve date math in index names.
	slot   time.Time
	window window.Window
	// computed are the fields that must be requested for alerts.
	computed []string
	// partialErr is the failure to read the mapping of some indices.
	partialErr error
}

func (s *threatSearch) Target() search.Target { return s.target }

func (s *threatSearch) request(w window.Window) search.Request {
	time := s.plan.Time
	time.Window = w
	return search.Request{
		Patterns: s.plan.Names(s.slot).Of(w), Where: s.where.Pushed, Time: time, Tiebreaker: s.plan.Tiebreaker,
		FieldTypes: s.target.Fields,
		Fields:     binding.Joined(s.fields(s.where, func(e indicator.Entry) string { return e.Event.Name }), s.computed),
	}
}

// indicatorPage is the number of indicators in one page: they are small, as their source is left out.
const indicatorPage = 5000

func (s *threatSearch) indicatorRequest() search.Request {
	return search.Request{
		Patterns: s.plan.indicators.Names(s.slot).Of(s.window), Where: s.indicatorWhere.Pushed, FieldTypes: s.indicators.Fields,
		Fields:     s.fields(s.indicatorWhere, func(e indicator.Entry) string { return e.Indicator.Name }),
		OmitSource: !s.ranges(), PageSize: indicatorPage,
	}
}

// ranges reports whether indicators have range fields. Their sources are needed, as the values that a search returns for a
// date range do not show how the dates were written.
func (s *threatSearch) ranges() bool {
	return slices.ContainsFunc(s.groups, func(g indicator.Group) bool {
		return slices.ContainsFunc(g, func(e indicator.Entry) bool {
			_, ranges := e.Indicator.Type.Element()
			return ranges
		})
	})
}

// fields returns the fields of one side whose indexed values are needed.
func (s *threatSearch) fields(w *binding.Where, side func(indicator.Entry) string) []string {
	names := slices.Clone(w.Fields())
	for _, g := range s.groups {
		for _, e := range g {
			names = append(names, side(e))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// idle reports whether no event can match, whatever there is.
func (s *threatSearch) idle() bool {
	return len(s.groups) == 0 || len(s.target.Indices) == 0 || len(s.indicators.Indices) == 0 || s.where.Nothing() || s.indicatorWhere.Nothing()
}

// Reads returns the search for events. Indicators are read only if there are events.
func (s *threatSearch) Reads(w window.Window) []query.Read {
	if w.Empty() || s.idle() {
		return nil
	}
	return []query.Read{{Request: s.request(w), SearchOnly: len(s.computed) > 0}}
}

// Execute reads the indicators once, then the events of the window, and compares each event with them.
func (s *threatSearch) Execute(ctx context.Context, src query.Source, w window.Window, visit query.Visit) (query.Result, error) {
	if w.Empty() || s.idle() {
		return query.Result{Exact: true}, s.partialErr
	}
	if some, err := s.anyEvent(ctx, src, w); err != nil || !some {
		return query.Result{Exact: true}, errors.Join(err, s.partialErr)
	}
	set, readErr := s.read(ctx, src)
	if readErr != nil && failure.KindOf(readErr) != failure.Partial {
		return query.Result{}, readErr
	}
	l := lookup{search: s, source: src, set: set, visit: visit}
	l.lost()
	if set.Len() == 0 {
		l.result.Exact = true
		return l.result, errors.Join(readErr, s.partialErr)
	}
	found, err := src.Events.Search(ctx, s.request(w), func(page []event.Event) (bool, error) { return l.page(ctx, page) })
	l.result.Result = found
	l.crowded()
	return l.result, errors.Join(err, readErr, s.partialErr)
}

// anyEvent reports whether there are events, as otherwise the indicators need not be read.
func (s *threatSearch) anyEvent(ctx context.Context, src query.Source, w window.Window) (bool, error) {
	r := s.request(w)
	r.PageSize = 1
	some := false
	_, err := src.Events.Search(ctx, r, func(page []event.Event) (bool, error) {
		some = some || len(page) > 0
		return false, nil
	})
	if failure.KindOf(err) == failure.Partial {
		return true, nil // The search itself will say so.
	}
	return some, err //nolint:wrapcheck // the searcher names what it did
}

// read reads all indicators. The failure is partial if there are more than fit.
func (s *threatSearch) read(ctx context.Context, src query.Source) (*indicator.Set, error) {
	set := indicator.New(s.groups, indicator.Options{})
	_, err := src.Events.Search(ctx, s.indicatorRequest(), func(page []event.Event) (bool, error) {
		admitted, err := s.indicatorWhere.Admit(page)
		if err != nil {
			return false, err
		}
		for i := range admitted {
			doc, err := admitted[i].Document()
			if err != nil {
				return false, &failure.Error{Kind: failure.Rejected, Op: "read the indicators of " + s.plan.Label(), Err: err}
			}
			if err := set.Add(admitted[i].Ref(), doc); err != nil {
				return false, &failure.Error{
					Kind: failure.Partial, Op: "read the indicators of " + s.plan.Label(),
					Err: fmt.Errorf("%w: %d values of %d indicators; the rest was not looked for", err, set.Len(), set.Indicators()),
				}
			}
		}
		return true, nil
	})
	return set, err //nolint:wrapcheck // the searcher names what it did
}

// Trace evaluates the condition on events. It does not compare the event with indicators.
func (s *threatSearch) Trace(_ context.Context, d condition.Document) (condition.Trace, error) {
	return s.where.Trace(s.target.Fields, d) //nolint:wrapcheck // it names the field
}

// Explain shows the search for events and the search for indicators.
func (s *threatSearch) Explain(w window.Window) query.Explanation {
	r, find := s.request(w), s.indicatorRequest()
	e := s.plan.Explanation(w, r.Patterns, r)
	e.Condition = s.where.Whole.String()
	if !s.where.Exact {
		e.Pushed = s.where.Pushed.String()
	}
	theirs := &query.ExplainedIndicators{
		Indices: find.Patterns, Query: s.plan.indicators.Parsed.String(), Condition: s.indicatorWhere.Whole.String(),
		Request: find.Body(), Mapping: s.compared(),
	}
	e.Indicators = theirs
	e.ExplainScan(s)
	return e
}

// compared says what is compared: alternatives of comparisons that all must hold.
func (s *threatSearch) compared() [][]string {
	out := [][]string{}
	for _, entries := range s.names {
		var all []string
		for _, n := range entries {
			operator := " = "
			if n.Negate {
				operator = " != "
			}
			all = append(all, n.Field+operator+n.Value)
		}
		out = append(out, all)
	}
	return out
}
