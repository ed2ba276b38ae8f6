package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/failure"
	"tocsin/internal/rule"
	"tocsin/internal/search"
	"tocsin/internal/window"
)

// newTermsChunk is of how many new combinations the first events are read at a time.
const newTermsChunk = 200

// newTermsPlan finds combinations of values that are new.
type newTermsPlan struct{ *countPlan }

// planNewTerms plans a rule of type new_terms.
func planNewTerms(r *rule.Rule) (Plan, diag.List) {
	if r.NewTerms == nil || len(r.NewTerms.Fields) == 0 {
		return nil, diag.List{r.Report(diag.Error, "rule/bad-value", "rule.new_terms.value", "rule.new_terms.value must name a field")}
	}
	var by []groupField
	for i, name := range r.NewTerms.Fields {
		at := fmt.Sprintf("[%d]", i)
		key := placed(r, "rule.new_terms.value"+at, "rule.new_terms_fields"+at, "rule.new_terms.value")
		by = append(by, groupField{name: name, key: key})
	}
	counts, diags := planCounts(r, by, nil)
	if counts == nil {
		return nil, diags
	}
	p := &newTermsPlan{counts}
	prepared, more := p.Assume()
	if prepared == nil {
		return nil, append(diags, more...)
	}
	return p, append(diags, more...)
}

func (p *newTermsPlan) Prepare(ctx context.Context, src Source) (Prepared, diag.List, error) {
	target, partly, err := p.resolve(ctx, src)
	if err != nil {
		return nil, nil, err
	}
	_, indexed := src.Events.(search.Grouper)
	c, diags := p.bind(target, src.At, indexed)
	if c == nil {
		return nil, diags, partly
	}
	c.partly = partly
	return &newTermsSearch{c}, diags, nil
}

func (p *newTermsPlan) Assume() (Prepared, diag.List) {
	c, diags := assume(p.rule, func(t search.Target, at time.Time) (*counted, diag.List) { return p.bind(t, at, true) })
	if c == nil {
		return nil, diags
	}
	return &newTermsSearch{c}, diags
}

// newTermsSearch is a newTermsPlan bound to mappings.
type newTermsSearch struct{ *counted }

// history is the range of time before the window in which a combination must not occur.
func (s *newTermsSearch) history(at time.Time, w window.Window) window.Window {
	if at.IsZero() {
		at = w.To
	}
	return window.Window{From: s.plan.rule.NewTerms.HistoryWindowStart.At(at), To: w.From}
}

// occurring is the first request: all combinations of the window.
func (s *newTermsSearch) occurring(w window.Window) search.GroupRequest {
	r := s.request(w)
	r.NoTimes = true
	return r
}

// Execute hands out new combinations in the order of their keys, each with its first event.
func (s *newTermsSearch) Execute(ctx context.Context, src Source, w window.Window, visit Visit) (Result, error) {
	result := Result{Result: search.Result{Total: -1}, Exact: true}
	if w.Empty() || s.nothing() {
		result.Total = 0
		return result, s.partly
	}
	var partly error
	history := s.history(src.At, w)
	found, err := s.groups(ctx, src.Events, s.occurring(w), func(page []search.Group) (bool, error) {
		fresh, some, err := s.fresh(ctx, src, history, page)
		partly = cmp.Or(partly, some)
		if err != nil {
			return false, err
		}
		for chunk := range slices.Chunk(fresh, newTermsChunk) {
			hits, some, err := s.hits(ctx, src, w, chunk)
			partly = cmp.Or(partly, some)
			if err != nil {
				return false, err
			}
			if len(hits) == 0 {
				continue
			}
			if more, err := visit(hits); err != nil || !more {
				return false, err
			}
		}
		return true, nil
	})
	result.Took, result.Pages = found.Took, found.Pages
	if err != nil && failure.KindOf(err) != failure.Partial {
		return result, err
	}
	return result, errors.Join(err, partly, s.partly)
}

// fresh returns the combinations that are new: none is in the history, and no alert was made of it
// since that began.
func (s *newTermsSearch) fresh(ctx context.Context, src Source, history window.Window, groups []search.Group) (fresh []search.Group, partly, err error) {
	if groups, partly, err = s.without(ctx, src, history, groups); err != nil {
		return nil, partly, err
	}
	past, err := s.past(ctx, src, groups, history.From)
	if err != nil {
		return nil, partly, err
	}
	return slices.DeleteFunc(groups, func(g search.Group) bool { return len(past[s.instance(g.Key)]) > 0 }), partly, nil
}

// hits reads the first event of each new combination.
func (s *newTermsSearch) hits(ctx context.Context, src Source, w window.Window, groups []search.Group) (hits []Hit, partly, err error) {
	r := s.request(w)
	r.Samples, r.NoTimes = 1, true
	for _, g := range groups {
		r.Only = append(r.Only, search.Selection{Key: g.Key})
	}
	first, partly, err := s.collect(ctx, src.Events, r)
	if err != nil {
		return nil, partly, err
	}
	for _, g := range first {
		for _, e := range g.Samples {
			key := e.Key()
			hits = append(hits, Hit{
				Event: e, Instance: s.instance(g.Key),
				Key:   append([]string{string(rule.TypeNewTerms), key.Series, key.ID}, g.Key...),
				Facts: map[string]any{"kibana.alert.new_terms": g.Key},
			})
		}
	}
	return hits, partly, nil
}

// without returns the groups that have no event in the history. When not all of the history could
// be read nobody can tell, and there are none.
func (s *newTermsSearch) without(ctx context.Context, src Source, history window.Window, groups []search.Group) ([]search.Group, error, error) { //nolint:revive // the first error is part of the answer
	if history.Empty() {
		return slices.Clone(groups), nil, nil
	}
	r := s.request(history)
	r.NoTimes = true
	for _, g := range groups {
		r.Only = append(r.Only, search.Selection{Key: g.Key})
	}
	known, partly, err := s.collect(ctx, src.Events, r)
	if err != nil {
		return nil, nil, err
	}
	if partly != nil {
		return nil, &failure.Error{
			Kind: failure.Partial, Op: "read the history of " + s.plan.label(),
			Reason: "what is new cannot be told without all of it, and no alerts were made", Err: partly,
		}, nil
	}
	old := map[string]bool{}
	for _, g := range known {
		old[s.instance(g.Key)] = true
	}
	return slices.DeleteFunc(slices.Clone(groups), func(g search.Group) bool { return old[s.instance(g.Key)] }), nil, nil
}

// Explain shows the request that finds the combinations of the window.
func (s *newTermsSearch) Explain(w window.Window) Explanation {
	e := s.explain(w, s.occurring(w))
	e.AlertWhen = "no event has the same values in the history"
	e.History = s.history(time.Time{}, w).String()
	return e
}
