package anomaly

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/binding"
	"tocsin/internal/query/single"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// resultIndices matches the indices with the results of machine learning jobs: the shared index, and the jobs' own.
const resultIndices = ".ml-anomalies-*"

// New plans a rule of type machine_learning: the anomalies that jobs have found.
func New(r *rule.Rule) (query.Plan, diag.List) {
	if len(r.Index) == 0 {
		there := *r
		there.Index = []string{resultIndices}
		r = &there
	}
	base := binding.New(r, anomalyQuery{*r.MachineLearning}, search.TimeRange{Field: "timestamp"}, "")
	p := &anomalyPlan{single.New(base, search.DefaultTimestamp)}
	prepared, diags := p.Assume(binding.TrialTime)
	if prepared == nil {
		return nil, diags
	}
	return p, diags
}

// anomalyPlan finds records in the results of machine learning jobs. If the rule names no indices, its plan's rule has
// resultIndices.
type anomalyPlan struct{ events *single.Plan }

func (p *anomalyPlan) Rule() *rule.Rule { return p.events.Rule() }

func (*anomalyPlan) Strategy() query.Strategy { return query.Anomaly }

// Wants returns the patterns and fields that Prepare will resolve.
func (p *anomalyPlan) Wants(at time.Time, w window.Window) (patterns, fields []string) {
	return p.events.Wants(at, w)
}

func (p *anomalyPlan) Prepare(ctx context.Context, src query.Source) (query.Prepared, diag.List, error) {
	target, partialErr, err := p.events.Resolve(ctx, src, src.Window)
	if err != nil {
		return nil, nil, err
	}
	target.Fields = mapping.Over(resultFields, target.Fields)
	s, diags := p.events.Bind(target, src.At)
	if s == nil {
		return nil, diags, partialErr
	}
	s.PartialErr = partialErr
	missing, err := p.missing(ctx, src, target)
	if err != nil {
		return nil, nil, err
	}
	return &anomalySearch{s, p}, append(diags, missing...), nil
}

func (p *anomalyPlan) Assume(at time.Time) (query.Prepared, diag.List) {
	s, diags := binding.Assume(p.Rule(), at, func(target search.Target, at time.Time) (*single.Search, diag.List) {
		target.Fields = mapping.Over(resultFields, target.Fields)
		return p.events.Bind(target, at)
	})
	if s == nil {
		return nil, diags
	}
	return &anomalySearch{s, p}, diags
}

// missing warns about jobs without any results: they were never started, or have another name.
func (p *anomalyPlan) missing(ctx context.Context, src query.Source, target search.Target) (diag.List, error) {
	if (anomalyQuery{*p.Rule().MachineLearning}).all() {
		return nil, nil
	}
	var missing []string
	for _, id := range p.Rule().MachineLearning.JobIDs {
		known, err := p.known(ctx, src, target, id)
		if err != nil {
			return nil, err
		}
		if !known {
			missing = append(missing, "["+id+"]")
		}
	}
	if missing == nil {
		return nil, nil
	}
	return diag.List{p.Rule().Report(diag.Warning, "anomaly/missing-job", "rule.machine_learning_job_id",
		"no result of job %s is in %s: is it started?", strings.Join(missing, ", "), strings.Join(p.Rule().Index, ", "))}, nil
}

func (p *anomalyPlan) known(ctx context.Context, src query.Source, target search.Target, id string) (bool, error) {
	if len(target.Indices) == 0 {
		return false, nil
	}
	r := search.Request{Patterns: p.events.Names(src.At).Of(src.Window), Where: jobs([]string{id}), FieldTypes: target.Fields, PageSize: 1, OmitSource: true}
	found := false
	var err error
	if counter, ok := search.As[search.Counter](src.Events); ok {
		var n int64
		n, err = counter.Count(ctx, r)
		found = n > 0
	} else {
		_, err = src.Events.Search(ctx, r, func(page []event.Event) (bool, error) {
			found = len(page) > 0
			return false, nil
		})
	}
	if failure.KindOf(err) == failure.Partial {
		return true, nil // unknown; the search for anomalies will report why
	}
	if err != nil {
		return false, fmt.Errorf("look for results of job %s: %w", id, err)
	}
	return found, nil
}

// anomalySearch is an anomalyPlan bound to mappings.
type anomalySearch struct {
	*single.Search

	plan *anomalyPlan
}

// Reads returns the search of the window. It is not for scans, as results of jobs are not events.
func (s *anomalySearch) Reads(w window.Window) []query.Read {
	reads := s.Search.Reads(w)
	for i := range reads {
		reads[i].SearchOnly = true
	}
	return reads
}

// Direct implements [query.Direct]: hits are made of records.
func (*anomalySearch) Direct(window.Window) (search.Request, bool) { return search.Request{}, false }

// Execute passes on the records as the events that they are about.
func (s *anomalySearch) Execute(ctx context.Context, src query.Source, w window.Window, visit query.Visit) (query.Result, error) {
	return s.Search.Execute(ctx, src, w, func(hits []query.Hit) (bool, error) {
		for i := range hits {
			e, err := anomalyEvent(hits[i].Event)
			if err != nil {
				return false, &failure.Error{Kind: failure.Rejected, Op: "read the anomalies of " + binding.Label(s.plan.Rule()), Err: err}
			}
			hits[i].Event, hits[i].Types = e, mapping.Untyped()
		}
		return visit(hits)
	})
}

// Explain shows the search under the name of its strategy.
func (s *anomalySearch) Explain(w window.Window) query.Explanation {
	e := s.Search.Explain(w)
	e.Strategy = query.Anomaly
	return e
}
