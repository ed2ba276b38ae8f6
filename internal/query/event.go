package query

import (
	"context"
	"fmt"
	"slices"

	"tocsin/internal/condition"
	"tocsin/internal/diag"
	"tocsin/internal/event"
	"tocsin/internal/failure"
	"tocsin/internal/mapping"
	"tocsin/internal/rule"
	"tocsin/internal/search"
	"tocsin/internal/translate"
	"tocsin/internal/window"
)

// eventPlan finds single events by one condition: the common core of the query rule types.
type eventPlan struct {
	rule       *rule.Rule
	query      translate.Query
	time       search.TimeRange
	tiebreaker string
}

func (p *eventPlan) Rule() *rule.Rule { return p.rule }

func (p *eventPlan) Strategy() Strategy { return Search }

// names are all fields that the search touches.
func (p *eventPlan) names() []string {
	names := append(p.query.Names(), p.time.Field)
	for _, extra := range []string{p.time.Fallback, p.tiebreaker} {
		if extra != "" {
			names = append(names, extra)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (p *eventPlan) Prepare(ctx context.Context, events search.Events) (Prepared, diag.List, error) {
	target, err := events.Resolve(ctx, p.rule.Index, p.names())
	if err != nil {
		return nil, nil, fmt.Errorf("resolve the indices of rule %s: %w", p.rule.ID, err)
	}
	if len(target.Indices) == 0 {
		// Nothing is mapped anywhere: fields cannot be judged, and nothing will be searched.
		target.Fields = mapping.Assumed()
	}
	return p.bind(target)
}

func (p *eventPlan) Assume() (Prepared, diag.List) {
	prepared, diags, _ := p.bind(search.Target{Indices: p.rule.Index, Fields: mapping.Assumed()})
	return prepared, diags
}

func (p *eventPlan) bind(target search.Target) (Prepared, diag.List, error) {
	where, diags := p.query.Lower(target.Fields)
	if diags.HasErrors() {
		return nil, diags, nil
	}
	s := &eventSearch{plan: p, target: target, where: where}
	s.pushed, s.exact = condition.Pushdown(where, target.Fields)
	if !s.exact {
		matcher, err := condition.Compile(where, target.Fields)
		if err != nil {
			return nil, append(diags, p.rule.Report(diag.Error, "rule/condition", "rule.query", "%v", err)), nil
		}
		s.matcher = matcher
	}
	return s, diags, nil
}

// eventSearch is an eventPlan bound to mappings.
type eventSearch struct {
	plan   *eventPlan
	target search.Target
	where  condition.Expr
	pushed condition.Expr
	exact  bool
	// matcher judges candidates where pushed admits more than where.
	matcher *condition.Matcher
}

func (s *eventSearch) Target() search.Target { return s.target }

// request is the search of one window.
func (s *eventSearch) request(w window.Window) search.Request {
	time := s.plan.time
	time.Window = w
	r := search.Request{
		Patterns: s.plan.rule.Index, Where: s.pushed, Time: time, Tiebreaker: s.plan.tiebreaker, FieldTypes: s.target.Fields,
	}
	if !s.exact {
		r.Fields = condition.Fields(s.where)
	}
	return r
}

func (s *eventSearch) Execute(ctx context.Context, events search.Events, w window.Window, visit Visit) (Result, error) {
	if w.Empty() {
		return Result{Exact: true}, nil
	}
	return s.execute(ctx, events, s.request(w), visit)
}

func (s *eventSearch) ExecuteLatest(ctx context.Context, events search.Events, w window.Window, visit Visit) (Result, error) {
	r := s.request(w)
	r.Descending = true
	return s.execute(ctx, events, r, visit)
}

func (s *eventSearch) execute(ctx context.Context, events search.Events, r search.Request, visit Visit) (Result, error) {
	if len(s.target.Indices) == 0 || s.pushed == condition.Expr(condition.Const(false)) {
		return Result{Exact: true}, nil
	}
	found, err := events.Search(ctx, r, func(page []event.Event) (bool, error) {
		hits, err := s.hits(page)
		if err != nil || len(hits) == 0 {
			return err == nil, err
		}
		return visit(hits)
	})
	return Result{Result: found, Exact: s.exact}, err //nolint:wrapcheck // the searcher names what it did
}

func (s *eventSearch) Trace(d condition.Document) (condition.Trace, error) {
	return condition.NewTrace(s.where, s.target.Fields, d) //nolint:wrapcheck // it names the field
}

// hits drops the candidates that the whole condition does not admit.
func (s *eventSearch) hits(page []event.Event) ([]Hit, error) {
	hits := make([]Hit, 0, len(page))
	for i := range page {
		if s.matcher != nil {
			doc, err := page[i].Document()
			if err != nil {
				return nil, &failure.Error{Kind: failure.Rejected, Op: "read the hits of rule " + s.plan.rule.ID, Err: err}
			}
			if !s.matcher.Match(doc) {
				continue
			}
		}
		hits = append(hits, Hit{page[i]})
	}
	return hits, nil
}
