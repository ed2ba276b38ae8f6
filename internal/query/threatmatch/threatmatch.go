package threatmatch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/indicator"
	"tocsin/internal/query"
	"tocsin/internal/query/binding"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/translate"
)

// New plans a rule of type threat_match: events with values of the indicators in other indices.
func New(r *rule.Rule) (query.Plan, diag.List) {
	their := indicatorRule(r)
	diags := append(binding.Unsupported(r), binding.Unsupported(their)...)
	diags = append(diags, checkThreatMapping(r)...)
	if diags.HasErrors() {
		return nil, diags
	}
	ours, diags := translate.Parse(r.Language, r.Query, translate.Options{})
	theirs, more := translate.Parse(their.Language, their.Query, translate.Options{})
	if diags = append(diags, more...); ours == nil || theirs == nil {
		return nil, diags
	}
	p := &threatPlan{
		Query:      binding.New(r, ours, query.TimeRange(r), r.TiebreakerField),
		indicators: binding.New(their, theirs, search.TimeRange{}, ""),
	}
	prepared, more := p.Assume(binding.TrialTime)
	if prepared == nil {
		return nil, append(diags, more...)
	}
	p.InferStrategy(prepared)
	return p, append(diags, more...)
}

// indicatorRule is the rule's search for indicators as a rule of its own.
func indicatorRule(r *rule.Rule) *rule.Rule {
	t := r.ThreatMatch
	their := &rule.Rule{
		Path: r.Path, ID: r.ID, Name: r.Name, Type: rule.TypeQuery, Index: t.Index,
		Query: t.Query, Language: t.Language, Filters: t.Filters,
	}
	if strings.TrimSpace(t.Query.Value) == "" {
		their.Query.Value = "*:*"
	}
	if r.Source != nil {
		their.Source = indicatorSource{r.Source}
	}
	return their
}

// indicatorSource finds the keys of the search for indicators under their own names.
type indicatorSource struct{ rule.Source }

func (s indicatorSource) Place(path string) (diag.Text, diag.Span, bool) {
	for _, key := range []string{"query", "language", "index", "filters"} {
		if rest, ok := strings.CutPrefix(path, "rule."+key); ok {
			path = "rule.threat_" + key + rest
			break
		}
	}
	return s.Source.Place(path)
}

// checkThreatMapping reports groups that nearly every indicator meets, or none can meet, as Kibana does.
func checkThreatMapping(r *rule.Rule) diag.List {
	var diags diag.List
	for i, m := range r.ThreatMatch.Mapping {
		at := fmt.Sprintf("rule.threat_mapping[%d].entries", i)
		if len(m.Entries) == 0 || !slices.ContainsFunc(m.Entries, func(e rule.ThreatEntry) bool { return !e.Negate }) {
			diags = append(diags, r.Report(diag.Error, "threat/mapping", at, "one entry at least has to match: an event differs from nearly every indicator"))
		}
		for j, e := range m.Entries {
			same := func(o rule.ThreatEntry) bool { return !o.Negate && o.Field == e.Field && o.Value == e.Value }
			if e.Negate && slices.ContainsFunc(m.Entries, same) {
				diags = append(diags, r.Report(diag.Error, "threat/mapping", fmt.Sprintf("%s[%d]", at, j), "%s cannot match %s and not match it", e.Field, e.Value))
			}
		}
	}
	return diags
}

// threatPlan compares the events of a query with the indicators of another.
type threatPlan struct {
	binding.Query
	// indicators is the search for indicators; it has no window.
	indicators binding.Query
}

func (p *threatPlan) Prepare(ctx context.Context, src query.Source) (query.Prepared, diag.List, error) {
	target, partialErr, err := p.Resolve(ctx, src, src.Window, p.entryFields(func(e rule.ThreatEntry) string { return e.Field })...)
	if err != nil {
		return nil, nil, err
	}
	theirs, more, err := p.indicators.Resolve(ctx, src, src.Window, p.entryFields(func(e rule.ThreatEntry) string { return e.Value })...)
	if err != nil {
		return nil, nil, err
	}
	if partialErr == nil {
		partialErr = more
	}
	s, diags := p.bind(target, theirs, src.At)
	if s == nil {
		return nil, diags, partialErr
	}
	s.partialErr, s.window = partialErr, src.Window
	s.target.Unread = slices.Concat(target.Unread, named(theirs.Unread))
	return s, append(p.missing(theirs), diags...), nil
}

// named leaves out closed indices that match a wildcard: no window is known to need them.
func named(places []search.Unread) []search.Unread {
	return slices.DeleteFunc(slices.Clone(places), func(u search.Unread) bool { return u.Holds != (window.Window{}) })
}

// entryFields returns the fields of one side of the mapping.
func (p *threatPlan) entryFields(side func(rule.ThreatEntry) string) []string {
	var names []string
	for _, m := range p.Rule().ThreatMatch.Mapping {
		for _, e := range m.Entries {
			names = append(names, side(e))
		}
	}
	return names
}

// Wants adds the fields of the threat mapping.
func (p *threatPlan) Wants(at time.Time, w window.Window) (patterns, fields []string) {
	return p.Names(at).Of(w), p.Fields(p.entryFields(func(e rule.ThreatEntry) string { return e.Field })...)
}

// missing warns about indicator patterns that match nothing. The rule runs nevertheless.
func (p *threatPlan) missing(theirs search.Target) diag.List {
	var diags diag.List
	for i, pattern := range p.indicators.Rule().Index {
		if slices.Contains(theirs.Missing, pattern) {
			diags = append(diags, p.Rule().Report(diag.Warning, "threat/missing-index", fmt.Sprintf("rule.threat_index[%d]", i),
				"no open index of indicators matches %s", pattern))
		}
	}
	if len(theirs.Closed) > 0 {
		diags = append(diags, p.Rule().Report(diag.Warning, "threat/closed-index", "rule.threat_index",
			"closed indices of indicators are not searched: %s", strings.Join(theirs.Closed, ", ")))
	}
	return diags
}

func (p *threatPlan) Assume(at time.Time) (query.Prepared, diag.List) {
	var events *threatSearch
	theirs, diags := binding.Assume(p.indicators.Rule(), at, p.indicators.WhereAt)
	if theirs == nil {
		return nil, diags
	}
	events, more := binding.Assume(p.Rule(), at, func(target search.Target, at time.Time) (*threatSearch, diag.List) {
		their := search.Target{Indices: p.indicators.Rule().Index, Fields: target.Fields}
		return p.bindEvents(target, their, at)
	})
	if diags = append(diags, more...); events == nil {
		return nil, diags
	}
	events.indicatorWhere = theirs
	return events, diags
}

func (p *threatPlan) bind(target, theirs search.Target, at time.Time) (*threatSearch, diag.List) {
	s, diags := p.bindEvents(target, theirs, at)
	if s == nil {
		return nil, diags
	}
	var more diag.List
	s.indicatorWhere, more = p.indicators.Where(theirs, at)
	if diags = append(diags, more...); s.indicatorWhere == nil {
		return nil, diags
	}
	return s, diags
}

// bindEvents binds everything except the condition on indicators.
func (p *threatPlan) bindEvents(target, theirs search.Target, at time.Time) (*threatSearch, diag.List) {
	groups, names, diags := bindMapping(p.Rule(), target, theirs)
	if diags.HasErrors() {
		return nil, diags
	}
	s := &threatSearch{plan: p, target: target, indicators: theirs, groups: groups, names: names, slot: at, computed: p.Computed(target.Fields)}
	var more diag.List
	s.where, more = p.Where(target, at, carriers(groups))
	if diags = append(diags, more...); s.where == nil {
		return nil, diags
	}
	return s, diags
}

// carriers returns the condition that an event has all fields that some group compares. Other events need not be read.
func carriers(groups []indicator.Group) condition.Expr {
	var either condition.Or
	for _, g := range groups {
		var all condition.And
		for _, e := range g {
			if !e.Negate {
				all = append(all, condition.Exists{Field: e.Event.Name})
			}
		}
		either = append(either, all)
	}
	return either
}
