// From a rule to its alert, 4 of 9: the condition becomes a search, and its pages hits. Next: internal/run/pipeline/round.go.

package single

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
	"tocsin/internal/query"
	"tocsin/internal/query/binding"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/translate"
)

// Plan finds single events by one condition.
type Plan struct {
	binding.Query
	// orderBy is the field of the events' own time, if it is not the time field of the windows.
	orderBy string

	mu   sync.Mutex
	last lastBound
}

// New plans a query of single events. orderBy is the field of the events' own time.
func New(base binding.Query, orderBy string) *Plan {
	p := &Plan{Query: base}
	if orderBy != search.DefaultTimestamp && orderBy != base.Time.Field {
		p.orderBy = orderBy
	}
	return p
}

// lastBound is the result of binding the plan last. It is reused, because mappings seldom change.
type lastBound struct {
	target search.Target
	search *Search
	diags  diag.List
}

// Apart implements [query.Eventwise].
func (p *Plan) Apart() bool { return len(p.Parsed.Limits()) == 0 }

// ByOwnTime implements [query.Eventwise].
func (p *Plan) ByOwnTime() bool {
	return p.Time.Field == search.DefaultTimestamp && p.Time.Fallback == ""
}

// Prepare binds the plan to the mappings of its indices.
func (p *Plan) Prepare(ctx context.Context, src query.Source) (query.Prepared, diag.List, error) {
	var more []string
	if p.orderBy != "" {
		more = append(more, p.orderBy)
	}
	if src.Late != nil {
		more = append(more, ingested)
	}
	target, partialErr, err := p.Resolve(ctx, src, src.Window, more...)
	if err != nil {
		return nil, nil, err
	}
	s, diags := p.bound(target, src.At)
	if s == nil {
		return nil, diags, partialErr
	}
	now := *s
	now.PartialErr, now.names = partialErr, p.Names(src.At)
	if src.Late != nil {
		diags = append(diags, now.takeLate(src.Late)...)
	}
	return &now, diags, nil
}

// bound returns the plan bound to mappings, from the last time if they are the same. Exceptions that may expire and
// conditions that refer to now are bound each time.
func (p *Plan) bound(target search.Target, at time.Time) (*Search, diag.List) {
	if len(p.Rule().Exceptions) > 0 {
		return p.Bind(target, at)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	same := p.last.search != nil && mapping.Same(p.last.target.Fields, target.Fields) &&
		slices.Equal(p.last.target.Indices, target.Indices) && slices.Equal(p.last.target.Missing, target.Missing) && slices.Equal(p.last.target.Closed, target.Closed) && slices.Equal(p.last.target.Unread, target.Unread)
	if !same {
		s, diags := p.Bind(target, at)
		if s == nil || !s.where.TimeInvariant {
			return s, diags
		}
		p.last = lastBound{target, s, diags}
	}
	return p.last.search, slices.Clone(p.last.diags)
}

// Assume binds the plan to the types of ECS.
func (p *Plan) Assume(at time.Time) (query.Prepared, diag.List) {
	s, diags := binding.Assume(p.Rule(), at, p.Bind)
	if s == nil {
		return nil, diags
	}
	return s, diags
}

// Bind binds the plan to known mappings. The search is nil when a diagnostic is an error.
func (p *Plan) Bind(target search.Target, at time.Time) (*Search, diag.List) {
	where, diags := p.Where(target, at)
	if where == nil {
		return nil, diags
	}
	diags = append(diags, p.UnmappedGroups(target)...)
	return &Search{plan: p, target: target, where: where, names: p.Names(at), computed: p.Computed(target.Fields)}, diags
}

// Search is a Plan bound to mappings.
type Search struct {
	plan   *Plan
	target search.Target
	where  *binding.Where
	names  query.Names
	// computed are the fields that must be requested for alerts.
	computed []string
	// PartialErr is the failure to read the mapping of some indices.
	PartialErr error
	// lateUnknown: only late events are wanted, but no field tells which events are late.
	lateUnknown bool
}

// Target returns the indices that the rule's patterns match.
func (s *Search) Target() search.Target { return s.target }

// OfNow reports whether the search changes from slot to slot, so that one run cannot replace the runs of several slots.
func (s *Search) OfNow() bool { return !s.where.TimeInvariant }

// request returns the search of one window.
func (s *Search) request(w window.Window) search.Request {
	time := s.plan.Time
	time.Window = w
	return search.Request{
		Patterns: s.names.Of(w), Where: s.where.Pushed, Whole: s.where.InMemory, Text: s.where.Text, Time: time, OrderBy: s.plan.orderBy, Tiebreaker: s.plan.Tiebreaker,
		FieldTypes: s.target.Fields, Fields: binding.Joined(s.where.Fields(), s.computed),
	}
}

// Reads returns the search of the window. A query with pipes has none: how far it reads depends on the pipes.
func (s *Search) Reads(w window.Window) []query.Read {
	if w.Empty() || s.idle() || len(s.plan.Parsed.Limits()) > 0 {
		return nil
	}
	return []query.Read{{Request: s.request(w), SearchOnly: len(s.computed) > 0}}
}

// Direct implements [query.Direct].
func (s *Search) Direct(w window.Window) (search.Request, bool) {
	r := s.request(w)
	decided := s.where.Exact || r.Whole != nil // no hit of the search is dropped afterwards
	return r, decided && s.PartialErr == nil && len(s.computed) == 0 && len(s.Reads(w)) == 1
}

// idle reports whether there is nothing to search.
func (s *Search) idle() bool { return s.lateUnknown || len(s.target.Indices) == 0 || s.where.Nothing() }

// Execute passes on the events of a window that meet the condition and pass the pipes.
func (s *Search) Execute(ctx context.Context, src query.Source, w window.Window, visit query.Visit) (query.Result, error) {
	if w.Empty() {
		return query.Result{Exact: true}, nil
	}
	limits := s.plan.Parsed.Limits()
	if len(limits) == 0 {
		return s.execute(ctx, src.Events, s.request(w), visit)
	}
	hits, err := s.limited(ctx, src.Events, w, limits)
	if len(hits) > 0 {
		_, visitErr := visit(hits)
		err = errors.Join(err, visitErr)
	}
	return query.Result{Result: search.Result{Total: int64(len(hits))}, Exact: true}, err
}

// AdHoc implements [query.AdHoc].
func (s *Search) AdHoc(ctx context.Context, src query.Source, w window.Window, size int) (query.Answer, error) {
	hits, err := s.limited(ctx, src.Events, w, query.Sized(s.plan.Parsed.Limits(), size))
	return query.Answer{Hits: hits}, err
}

// limited applies pipes. For a pipe that selects the last events, events are read in descending order and reversed
// afterwards.
func (s *Search) limited(ctx context.Context, events search.Events, w window.Window, limits []translate.Limit) ([]query.Hit, error) {
	r := s.request(w)
	r.Descending = limits[0].Last
	first := query.NewPipes([]translate.Limit{{Count: limits[0].Count}})
	_, err := s.execute(ctx, events, r, func(hits []query.Hit) (bool, error) {
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
	rest := query.NewPipes(append([]translate.Limit{{Count: len(hits)}}, limits[1:]...))
	for _, h := range hits {
		rest.Add(h)
	}
	return rest.Result(), err
}

func (s *Search) execute(ctx context.Context, events search.Events, r search.Request, visit query.Visit) (query.Result, error) {
	result := query.Result{Exact: true}
	if s.idle() {
		return result, s.PartialErr
	}
	result.Exact = s.where.Exact
	found, err := events.Search(ctx, r, func(page []event.Event) (bool, error) {
		result.Seen += int64(len(page))
		hits, err := s.hits(page)
		if err != nil || len(hits) == 0 {
			return err == nil, err
		}
		return visit(hits)
	})
	result.Result = found
	return result, errors.Join(err, s.PartialErr)
}

// Trace evaluates the condition on one document.
func (s *Search) Trace(_ context.Context, d condition.Document) (condition.Trace, error) {
	return s.where.Trace(s.target.Fields, d) //nolint:wrapcheck // it names the field
}

func (s *Search) hits(page []event.Event) ([]query.Hit, error) {
	admitted, err := s.where.Admit(page)
	hits := make([]query.Hit, len(admitted))
	for i := range admitted {
		hits[i].Event = admitted[i]
	}
	return hits, err
}

// Explain shows the search of a window.
func (s *Search) Explain(w window.Window) query.Explanation {
	r := s.request(w)
	e := s.plan.Explanation(w, r.Patterns, r)
	e.Condition, e.Exact = s.where.Whole.String(), s.where.Exact
	if !s.where.Exact {
		e.Pushed = s.where.Pushed.String()
	}
	e.Fitted = translate.Fitted(s.plan.Parsed, s.target.Fields)
	e.ExplainScan(s)
	return e
}
