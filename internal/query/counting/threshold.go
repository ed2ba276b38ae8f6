package counting

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/binding"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

const (
	// maxSamples is the maximum number of events of a group that an alert has as ancestors.
	maxSamples = 5
	// thresholdChunk is the number of groups that are counted again, with samples, at a time.
	thresholdChunk = 100
)

// thresholdPlan finds groups of many events.
type thresholdPlan struct{ *countPlan }

// Threshold plans a rule of type threshold.
func Threshold(r *rule.Rule) (query.Plan, diag.List) {
	if r.Threshold == nil || r.Threshold.Value < 1 {
		return nil, diag.List{r.Report(diag.Error, "rule/bad-value", "rule.threshold.value", "rule.threshold.value must be 1 or more")}
	}
	var by, distinct []groupField
	for i, name := range r.Threshold.Fields {
		by = append(by, groupField{name: name, key: placed(r, fmt.Sprintf("rule.threshold.field[%d]", i), "rule.threshold.field")})
	}
	for i, c := range r.Threshold.Cardinality {
		distinct = append(distinct, groupField{name: c.Field, key: fmt.Sprintf("rule.threshold.cardinality[%d].field", i)})
	}
	counts, diags := planCounts(r, by, distinct)
	if counts == nil {
		return nil, diags
	}
	p := &thresholdPlan{counts}
	prepared, more := p.Assume(binding.TrialTime)
	if prepared == nil {
		return nil, append(diags, more...)
	}
	return p, append(diags, more...)
}

func (p *thresholdPlan) Prepare(ctx context.Context, src query.Source) (query.Prepared, diag.List, error) {
	c, diags, err := p.prepare(ctx, src)
	if c == nil {
		return nil, diags, err
	}
	return &thresholdSearch{c}, diags, nil
}

func (p *thresholdPlan) Assume(at time.Time) (query.Prepared, diag.List) {
	c, diags := p.suppose(at)
	if c == nil {
		return nil, diags
	}
	return &thresholdSearch{c}, diags
}

// thresholdSearch is a thresholdPlan bound to mappings.
type thresholdSearch struct{ *counted }

// counting returns the first request: all groups that may reach the threshold.
func (s *thresholdSearch) counting(w window.Window) search.GroupRequest {
	r := s.request(w)
	r.MinCount, r.NoTimes = int64(s.plan.Rule().Threshold.Value), true
	return r
}

// Reads returns the search for the events of the first request.
func (s *thresholdSearch) Reads(w window.Window) []query.Read { return s.read(s.counting(w)) }

// reached reports whether a group has enough events and different values.
func (s *thresholdSearch) reached(g search.Group) bool {
	t := s.plan.Rule().Threshold
	for i, c := range t.Cardinality {
		if g.Distinct[i] < int64(c.Value) {
			return false
		}
	}
	return g.Count >= int64(t.Value)
}

// Execute passes on groups in the order of their keys. Groups that reach the threshold are counted a second time, without
// the events of earlier alerts.
func (s *thresholdSearch) Execute(ctx context.Context, src query.Source, w window.Window, visit query.Visit) (query.Result, error) {
	return s.find(ctx, src.Events, s.counting(w), finder{
		choose: func(groups []search.Group) ([]search.Group, error, error) {
			return slices.DeleteFunc(slices.Clone(groups), func(g search.Group) bool { return !s.reached(g) }), nil, nil
		},
		hits: func(groups []search.Group) ([]query.Hit, error, error) { return s.hits(ctx, src, w, groups) },
		size: thresholdChunk,
	}, visit)
}

// hits counts groups again, each without the events of its earlier alerts.
func (s *thresholdSearch) hits(ctx context.Context, src query.Source, w window.Window, groups []search.Group) (hits []query.Hit, partialErr, err error) {
	past, err := s.past(ctx, src, groups, w.From)
	if err != nil {
		return nil, nil, err
	}
	r := s.request(w)
	r.MinCount, r.Samples = int64(s.plan.Rule().Threshold.Value), maxSamples
	counted := map[string][]window.Window{}
	for _, g := range groups {
		instance := s.instance(g.Key)
		counted[instance] = spans(past[instance], w)
		r.Only = append(r.Only, search.Selection{Key: g.Key, Except: counted[instance]})
	}
	again, partialErr, err := s.collect(ctx, src.Events, r)
	if err != nil {
		return nil, partialErr, err
	}
	for _, g := range again {
		if !s.reached(g) {
			continue
		}
		h, err := s.hit(g, w, counted[s.instance(g.Key)])
		if err != nil {
			return nil, partialErr, err
		}
		hits = append(hits, h)
	}
	return hits, partialErr, nil
}

// spans returns the times of earlier alerts within the window, in order. The times of alerts are in milliseconds and
// include their last event.
func spans(past []query.Past, w window.Window) []window.Window {
	var out []window.Window
	for _, p := range past {
		span := window.Window{From: search.Milliseconds(p.From), To: search.Milliseconds(p.To).Add(time.Millisecond)}
		if p.From.IsZero() {
			span.From = search.Milliseconds(p.To)
		}
		if span.From.Before(w.To) && w.From.Before(span.To) {
			out = append(out, span)
		}
	}
	slices.SortFunc(out, func(a, b window.Window) int { return a.To.Compare(b.To) })
	return out
}

// hit makes the hit of a group. Its identity depends on the window and on the earlier alerts in it: the same run finds the
// same alert again, and a run that reaches the threshold again, with other events, makes another alert.
func (s *thresholdSearch) hit(g search.Group, w window.Window, before []window.Window) (query.Hit, error) {
	source := map[string]any{search.DefaultTimestamp: search.FormatTime(g.Last)}
	key := []string{string(rule.TypeThreshold), search.FormatTime(w.From), search.FormatTime(w.To), ""}
	if n := len(before); n > 0 {
		key[3] = search.FormatTime(before[n-1].To)
	}
	terms := []any{}
	types := mapping.Table{} // the hit's event is not a document of an index, so its types are those of the groups
	for i, f := range s.by {
		terms = append(terms, map[string]any{"field": f.name, "value": f.field.KeyValue(g.Key[i])})
		key = append(key, f.name, g.Key[i])
		types[f.name] = mapping.Field{Name: f.name, Path: f.field.Source()}
		if at := f.field.Source(); at != search.DefaultTimestamp {
			source[at] = f.field.KeyValue(g.Key[i])
		}
	}
	var cardinality []any
	for i, f := range s.distinct {
		cardinality = append(cardinality, map[string]any{"field": f.name, "value": g.Distinct[i]})
	}
	data, err := json.Marshal(source)
	if err != nil {
		return query.Hit{}, fmt.Errorf("encode a group of %s: %w", s.plan.Label(), err)
	}
	parents := g.Samples
	if parents == nil {
		parents = []event.Event{}
	}
	facts := map[string]any{
		"kibana.alert.threshold_result.terms": terms,
		"kibana.alert.threshold_result.count": g.Count,
		"kibana.alert.threshold_result.from":  search.FormatTime(g.First),
	}
	if len(cardinality) > 0 {
		facts["kibana.alert.threshold_result.cardinality"] = cardinality
	}
	return query.Hit{
		Event: event.Event{Source: data}, Key: key, Instance: s.instance(g.Key), Parents: parents, Facts: facts, Types: mapping.Layers{types, mapping.Untyped()},
	}, nil
}

// Explain shows the request for all groups.
func (s *thresholdSearch) Explain(w window.Window) query.Explanation {
	e := s.explain(w, s.counting(w))
	t := s.plan.Rule().Threshold
	e.AlertWhen = "count >= " + strconv.Itoa(t.Value)
	for _, c := range t.Cardinality {
		e.AlertWhen += fmt.Sprintf(" and different values of %s >= %d", c.Field, c.Value)
	}
	e.ExplainScan(s)
	return e
}
