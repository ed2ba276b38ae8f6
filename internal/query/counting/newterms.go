package counting

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
	"tocsin/internal/query"
	"tocsin/internal/query/binding"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// newTermsChunk is the number of new combinations whose first events are read at a time.
const newTermsChunk = 200

// newTermsPlan finds combinations of values that are new.
type newTermsPlan struct{ *countPlan }

// NewTerms plans a rule of type new_terms.
func NewTerms(r *rule.Rule) (query.Plan, diag.List) {
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
	prepared, more := p.Assume(binding.TrialTime)
	if prepared == nil {
		return nil, append(diags, more...)
	}
	return p, append(diags, more...)
}

func (p *newTermsPlan) Prepare(ctx context.Context, src query.Source) (query.Prepared, diag.List, error) {
	c, diags, err := p.prepare(ctx, src)
	if c == nil {
		return nil, diags, err
	}
	return &newTermsSearch{c}, diags, nil
}

func (p *newTermsPlan) Assume(at time.Time) (query.Prepared, diag.List) {
	c, diags := p.suppose(at)
	if c == nil {
		return nil, diags
	}
	return &newTermsSearch{c}, diags
}

// newTermsSearch is a newTermsPlan bound to mappings.
type newTermsSearch struct{ *counted }

// history returns the range of time before the window in which a new combination must not occur.
func (s *newTermsSearch) history(at time.Time, w window.Window) window.Window {
	return historyOf(s.plan.Rule(), at, w)
}

func historyOf(r *rule.Rule, at time.Time, w window.Window) window.Window {
	if at.IsZero() {
		at = w.To
	}
	return window.Window{From: r.NewTerms.HistoryWindowStart.At(at), To: w.From}
}

// occurring returns the first request: all combinations of the window.
func (s *newTermsSearch) occurring(w window.Window) search.GroupRequest {
	r := s.request(w)
	r.NoTimes = true
	return r
}

// Reads returns the search for the events of the first request.
func (s *newTermsSearch) Reads(w window.Window) []query.Read { return s.read(s.occurring(w)) }

// Execute passes on new combinations in the order of their keys, each with its first event.
func (s *newTermsSearch) Execute(ctx context.Context, src query.Source, w window.Window, visit query.Visit) (query.Result, error) {
	history := s.history(src.At, w)
	return s.find(ctx, src.Events, s.occurring(w), finder{
		choose: func(groups []search.Group) ([]search.Group, error, error) { return s.fresh(ctx, src, history, groups) },
		hits:   func(groups []search.Group) ([]query.Hit, error, error) { return s.hits(ctx, src, w, groups) },
		size:   newTermsChunk,
	}, visit)
}

// fresh returns the new combinations: those without an event in the history, and without an alert since the beginning of
// the history.
func (s *newTermsSearch) fresh(ctx context.Context, src query.Source, history window.Window, groups []search.Group) (fresh []search.Group, partialErr, err error) {
	if groups, partialErr, err = s.without(ctx, src, history, groups); err != nil {
		return nil, partialErr, err
	}
	past, err := s.past(ctx, src, groups, history.From)
	if err != nil {
		return nil, partialErr, err
	}
	return slices.DeleteFunc(groups, func(g search.Group) bool { return len(past[s.instance(g.Key)]) > 0 }), partialErr, nil
}

// hits reads the first event of each new combination.
func (s *newTermsSearch) hits(ctx context.Context, src query.Source, w window.Window, groups []search.Group) (hits []query.Hit, partialErr, err error) {
	r := s.request(w)
	r.Samples, r.NoTimes, r.Fields = 1, true, s.computed
	for _, g := range groups {
		r.Only = append(r.Only, search.Selection{Key: g.Key})
	}
	first, partialErr, err := s.collect(ctx, src.Events, r)
	if err != nil {
		return nil, partialErr, err
	}
	for _, g := range first {
		for _, e := range g.Samples {
			hits = append(hits, s.hit(g.Key, e))
		}
	}
	return hits, partialErr, nil
}

// hit makes the hit of a new combination and its first event. Its instance is the combination, unless the rule suppresses
// alerts: then the suppression fields decide which alerts belong together.
func (s *newTermsSearch) hit(key []string, e event.Event) query.Hit {
	terms := make([]any, len(key))
	for i, f := range s.by {
		terms[i] = f.field.KeyValue(key[i])
	}
	h := query.Hit{
		Event: e, Key: append([]string{string(rule.TypeNewTerms)}, key...), ByEvent: true,
		Facts: map[string]any{"kibana.alert.new_terms": terms},
	}
	if instance := s.instance(key); s.plan.Rule().AlertSuppression != nil {
		h.Counted = instance
	} else {
		h.Instance = instance
	}
	return h
}

// without returns the groups that have no event in the history. If the history could be read only in part, this cannot be
// decided, and it returns none.
func (s *newTermsSearch) without(ctx context.Context, src query.Source, history window.Window, groups []search.Group) (fresh []search.Group, partialErr, err error) {
	if history.Empty() {
		return slices.Clone(groups), nil, nil
	}
	r := s.request(history)
	r.NoTimes = true
	for _, g := range groups {
		r.Only = append(r.Only, search.Selection{Key: g.Key})
	}
	known, partialErr, err := s.collect(ctx, src.Events, r)
	if err != nil {
		return nil, nil, err
	}
	if partialErr != nil {
		return nil, &failure.Error{
			Kind: failure.Partial, Op: "read the history of " + s.plan.Label(),
			Reason: "what is new cannot be told without all of it, and no alerts were made", Err: partialErr,
		}, nil
	}
	old := map[string]bool{}
	for _, g := range known {
		old[s.instance(g.Key)] = true
	}
	return slices.DeleteFunc(slices.Clone(groups), func(g search.Group) bool { return old[s.instance(g.Key)] }), nil, nil
}

// Explain shows the request for the combinations of the window.
func (s *newTermsSearch) Explain(w window.Window) query.Explanation {
	e := s.explain(w, s.occurring(w))
	e.AlertWhen = "no event has the same values in the history"
	e.History = s.history(time.Time{}, w).String()
	e.ExplainScan(s)
	return e
}
