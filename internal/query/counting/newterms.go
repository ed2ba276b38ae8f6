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

// newTermsChunk is of how many new combinations the first events are read at a time.
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

// history is the range of time before the window in which a combination must not occur.
func (s *newTermsSearch) history(at time.Time, w window.Window) window.Window {
	return historyOf(s.plan.Rule(), at, w)
}

func historyOf(r *rule.Rule, at time.Time, w window.Window) window.Window {
	if at.IsZero() {
		at = w.To
	}
	return window.Window{From: r.NewTerms.HistoryWindowStart.At(at), To: w.From}
}

// occurring is the first request: all combinations of the window.
func (s *newTermsSearch) occurring(w window.Window) search.GroupRequest {
	r := s.request(w)
	r.NoTimes = true
	return r
}

// Reads are the events of the first request.
func (s *newTermsSearch) Reads(w window.Window) []query.Read { return s.read(s.occurring(w)) }

// Execute hands out new combinations in the order of their keys, each with its first event.
func (s *newTermsSearch) Execute(ctx context.Context, src query.Source, w window.Window, visit query.Visit) (query.Result, error) {
	history := s.history(src.At, w)
	return s.find(ctx, src.Events, s.occurring(w), finder{
		choose: func(groups []search.Group) ([]search.Group, error, error) { return s.fresh(ctx, src, history, groups) },
		hits:   func(groups []search.Group) ([]query.Hit, error, error) { return s.hits(ctx, src, w, groups) },
		size:   newTermsChunk,
	}, visit)
}

// fresh returns the combinations that are new: none is in the history, and no alert was made of it
// since that began.
func (s *newTermsSearch) fresh(ctx context.Context, src query.Source, history window.Window, groups []search.Group) (fresh []search.Group, partly, err error) {
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
func (s *newTermsSearch) hits(ctx context.Context, src query.Source, w window.Window, groups []search.Group) (hits []query.Hit, partly, err error) {
	r := s.request(w)
	r.Samples, r.NoTimes, r.Fields = 1, true, s.computed
	for _, g := range groups {
		r.Only = append(r.Only, search.Selection{Key: g.Key})
	}
	first, partly, err := s.collect(ctx, src.Events, r)
	if err != nil {
		return nil, partly, err
	}
	for _, g := range first {
		for _, e := range g.Samples {
			hits = append(hits, s.hit(g.Key, e))
		}
	}
	return hits, partly, nil
}

// hit is the alert of a new combination and its first event. Where alerts are suppressed, those belong
// together that say the same of other fields; else those of the same combination at different times.
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

// without returns the groups that have no event in the history. When not all of the history could
// be read nobody can tell, and there are none.
func (s *newTermsSearch) without(ctx context.Context, src query.Source, history window.Window, groups []search.Group) (fresh []search.Group, partly, err error) {
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
			Kind: failure.Partial, Op: "read the history of " + s.plan.Label(),
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
func (s *newTermsSearch) Explain(w window.Window) query.Explanation {
	e := s.explain(w, s.occurring(w))
	e.AlertWhen = "no event has the same values in the history"
	e.History = s.history(time.Time{}, w).String()
	e.ExplainScan(s)
	return e
}
