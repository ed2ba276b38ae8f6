// From a rule to its alert, 4 of 9: the condition becomes a search, and its pages hits. Next: internal/run/pipeline/round.go.

package query

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/translate"
)

// eventPlan finds single events by one condition: the common core of the query rule types.
type eventPlan struct {
	queryPlan
	// orderBy is the field of the events' own time, where they are not ordered by that of the windows.
	orderBy string

	mu   sync.Mutex
	last lastBound
}

// newEventPlan plans a query of single events. orderBy is the field of the events' own time.
func newEventPlan(base queryPlan, orderBy string) *eventPlan {
	p := &eventPlan{queryPlan: base}
	if orderBy != search.DefaultTimestamp && orderBy != base.time.Field {
		p.orderBy = orderBy
	}
	return p
}

// lastBound is what a plan was bound to last, with what came of it: mappings seldom change.
type lastBound struct {
	target search.Target
	search *eventSearch
	diags  diag.List
}

// Apart is of [Eventwise].
func (p *eventPlan) Apart() bool { return len(p.query.Limits()) == 0 }

// ByOwnTime is of [Eventwise].
func (p *eventPlan) ByOwnTime() bool {
	return p.time.Field == search.DefaultTimestamp && p.time.Fallback == ""
}

func (p *eventPlan) Prepare(ctx context.Context, src Source) (Prepared, diag.List, error) {
	var more []string
	if p.orderBy != "" {
		more = append(more, p.orderBy)
	}
	if src.Late != nil {
		more = append(more, ingested)
	}
	target, partly, err := p.resolve(ctx, src, src.Window, more...)
	if err != nil {
		return nil, nil, err
	}
	s, diags := p.bound(target, src.At)
	if s == nil {
		return nil, diags, partly
	}
	now := *s
	now.partly, now.names = partly, p.named(src.At)
	if src.Late != nil {
		diags = append(diags, now.takeLate(src.Late)...)
	}
	return &now, diags, nil
}

// bound binds the plan, unless that was done for the same mappings. Exceptions expire and conditions
// may be about now: what depends on the moment is bound each time.
func (p *eventPlan) bound(target search.Target, at time.Time) (*eventSearch, diag.List) {
	if len(p.rule.Exceptions) > 0 {
		return p.bind(target, at)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	same := p.last.search != nil && mapping.Same(p.last.target.Fields, target.Fields) &&
		slices.Equal(p.last.target.Indices, target.Indices) && slices.Equal(p.last.target.Missing, target.Missing) && slices.Equal(p.last.target.Closed, target.Closed) && slices.Equal(p.last.target.Unread, target.Unread)
	if !same {
		s, diags := p.bind(target, at)
		if s == nil || !s.where.lasts {
			return s, diags
		}
		p.last = lastBound{target, s, diags}
	}
	return p.last.search, slices.Clone(p.last.diags)
}

func (p *eventPlan) Assume(at time.Time) (Prepared, diag.List) {
	s, diags := assume(p.rule, at, p.bind)
	if s == nil {
		return nil, diags
	}
	return s, diags
}

func (p *eventPlan) bind(target search.Target, at time.Time) (*eventSearch, diag.List) {
	where, diags := p.where(target, at)
	if where == nil {
		return nil, diags
	}
	diags = append(diags, p.unmappedGroups(target)...)
	return &eventSearch{plan: p, target: target, where: where, names: p.named(at), computed: p.computed(target.Fields)}, diags
}

// eventSearch is an eventPlan bound to mappings.
type eventSearch struct {
	plan   *eventPlan
	target search.Target
	where  *where
	names  names
	// computed are the fields that alerts need to be asked for.
	computed []string
	// partly is the failure to learn the mapping of some indices.
	partly error
	// blind: only late events are wanted, and nothing tells which they are.
	blind bool
}

func (s *eventSearch) Target() search.Target { return s.target }

// OfNow reports whether the search of another slot is another: no run may stand for several then.
func (s *eventSearch) OfNow() bool { return !s.where.lasts }

// request is the search of one window.
func (s *eventSearch) request(w window.Window) search.Request {
	time := s.plan.time
	time.Window = w
	return search.Request{
		Patterns: s.names.of(w), Where: s.where.pushed, Text: s.where.text, Time: time, OrderBy: s.plan.orderBy, Tiebreaker: s.plan.tiebreaker,
		FieldTypes: s.target.Fields, Fields: joined(s.where.fields(), s.computed),
	}
}

// Reads is the search of the window. With pipes it is another for each.
func (s *eventSearch) Reads(w window.Window) []Read {
	if w.Empty() || s.idle() || len(s.plan.query.Limits()) > 0 {
		return nil
	}
	return []Read{{Request: s.request(w), SearchOnly: len(s.computed) > 0}}
}

// idle reports whether there is nothing to search.
func (s *eventSearch) idle() bool { return s.blind || len(s.target.Indices) == 0 || s.where.nothing() }

func (s *eventSearch) Execute(ctx context.Context, src Source, w window.Window, visit Visit) (Result, error) {
	if w.Empty() {
		return Result{Exact: true}, nil
	}
	limits := s.plan.query.Limits()
	if len(limits) == 0 {
		return s.execute(ctx, src.Events, s.request(w), visit)
	}
	hits, err := s.limited(ctx, src.Events, w, limits)
	if len(hits) > 0 {
		_, visitErr := visit(hits)
		err = errors.Join(err, visitErr)
	}
	return Result{Result: search.Result{Total: int64(len(hits))}, Exact: true}, err
}

func (s *eventSearch) Hunt(ctx context.Context, src Source, w window.Window, size int) ([]Hit, error) {
	return s.limited(ctx, src.Events, w, Sized(s.plan.query.Limits(), size))
}

// limited applies pipes. The last events are read from the end, and put in order afterwards.
func (s *eventSearch) limited(ctx context.Context, events search.Events, w window.Window, limits []translate.Limit) ([]Hit, error) {
	r := s.request(w)
	r.Descending = limits[0].Last
	first := NewPipes([]translate.Limit{{Count: limits[0].Count}})
	_, err := s.execute(ctx, events, r, func(hits []Hit) (bool, error) {
		for _, h := range hits {
			if !first.Add(h) {
				return false, nil
			}
		}
		return true, nil
	})
	hits := first.Result()
	if r.Descending {
		slices.Reverse(hits)
	}
	rest := NewPipes(append([]translate.Limit{{Count: len(hits)}}, limits[1:]...))
	for _, h := range hits {
		rest.Add(h)
	}
	return rest.Result(), err
}

func (s *eventSearch) execute(ctx context.Context, events search.Events, r search.Request, visit Visit) (Result, error) {
	result := Result{Exact: true}
	if s.idle() {
		return result, s.partly
	}
	result.Exact = s.where.exact
	found, err := events.Search(ctx, r, func(page []event.Event) (bool, error) {
		result.Seen += int64(len(page))
		hits, err := s.hits(page)
		if err != nil || len(hits) == 0 {
			return err == nil, err
		}
		return visit(hits)
	})
	result.Result = found
	return result, errors.Join(err, s.partly)
}

func (s *eventSearch) Trace(d condition.Document) (condition.Trace, error) {
	return condition.NewTrace(s.where.whole, ofDocument(s.target.Fields, d), d) //nolint:wrapcheck // it names the field
}

func (s *eventSearch) hits(page []event.Event) ([]Hit, error) {
	admitted, err := s.where.admit(page)
	hits := make([]Hit, len(admitted))
	for i := range admitted {
		hits[i].Event = admitted[i]
	}
	return hits, err
}

// Explain shows the search of a window.
func (s *eventSearch) Explain(w window.Window) Explanation {
	r := s.request(w)
	e := s.plan.explain(w, r.Patterns, r)
	e.Condition, e.Exact = s.where.whole.String(), s.where.exact
	if !s.where.exact {
		e.Pushed = s.where.pushed.String()
	}
	e.ExplainScan(s)
	return e
}
