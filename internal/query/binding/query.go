package binding

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/translate"
)

// Query is what the plans of all query languages share.
type Query struct {
	rule       *rule.Rule
	Parsed     translate.Query
	Time       search.TimeRange
	Tiebreaker string
	// touched are all fields that a search or an alert touches, sorted.
	touched []string
	// strategy is what was learned of the types of ECS; "" before.
	strategy query.Strategy
}

// New is a rule's query, whose windows are about a range of time. tiebreaker orders events of the same time; "" is none.
func New(r *rule.Rule, q translate.Query, time search.TimeRange, tiebreaker string) Query {
	names := slices.Concat(q.Names(), translate.NarrowingNames(r), r.AlertFields())
	for _, name := range []string{time.Field, time.Fallback, tiebreaker} {
		if name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return Query{rule: r, Parsed: q, Time: time, Tiebreaker: tiebreaker, touched: slices.Clip(slices.Compact(names))}
}

// OwnRule is the field by which a rule knows its own alerts among the events, so as not to count them.
const OwnRule = "kibana.alert.rule.rule_id"

// Rule is the rule that the query is of.
func (p *Query) Rule() *rule.Rule { return p.rule }

// Strategy is Scan where one read for all rules can feed the rule; when it does, its cost decides.
func (p *Query) Strategy() query.Strategy { return cmp.Or(p.strategy, query.Search) }

// Fields are all fields that a search or an alert touches, with further ones.
func (p *Query) Fields(more ...string) []string {
	if len(more) == 0 {
		return p.touched
	}
	names := slices.Concat(p.touched, more)
	slices.Sort(names)
	return slices.Compact(names)
}

// Computed names the fields by which the rule's alerts are made and whose values are not to be told from
// documents: a search has to ask for them, and a scan cannot.
func (p *Query) Computed(fields mapping.Fields) []string {
	var names []string
	for _, name := range p.rule.AskedFields() {
		if mapping.InMemory(fields, name) != nil {
			names = append(names, name)
		}
	}
	return names
}

// UnmappedGroups warns of fields that alerts are suppressed by and that no event can have a value of.
func (p *Query) UnmappedGroups(target search.Target) diag.List {
	s := p.rule.AlertSuppression
	if s == nil || !p.rule.GroupsEachValue() || len(target.Indices) == 0 {
		return nil
	}
	var diags diag.List
	for i, name := range s.GroupBy {
		if _, mapped := target.Fields.Field(name); !mapped {
			diags = append(diags, p.rule.Report(diag.Warning, query.CodeUnmappedField, fmt.Sprintf("rule.alert_suppression.group_by[%d]", i),
				"Unknown field [%s]: no index has it, so every event lacks it", name))
		}
	}
	return diags
}

// Wants says which patterns and fields Prepare will ask about, for whoever asks for many rules at
// once. It is a hint: what is not in it is asked for when it is needed.
func (p *Query) Wants(at time.Time, w window.Window) (patterns, fields []string) {
	return p.Names(at).Of(w), p.Fields()
}

// Names are the rule's index patterns at a slot.
func (p *Query) Names(slot time.Time) query.Names { return query.NamesAt(p.rule.Index, slot) }

// Resolve asks what patterns, over a range of time, and fields mean where the events are. Where that could
// be told of some indices only, partly says so: the others can be searched all the same.
func (p *Query) Resolve(ctx context.Context, src query.Source, w window.Window, more ...string) (target search.Target, partly, err error) {
	patterns, err := p.Names(src.At).Over(w)
	if err == nil {
		target, err = src.Events.Resolve(ctx, patterns, p.Fields(more...))
		target.Missing = p.Names(src.At).Missing(target.Missing, w)
		if p.rule.IndexSupposed && len(target.Indices) > 0 {
			target.Missing = nil
		}
	}
	if err != nil {
		err = fmt.Errorf("resolve the indices of %s: %w", p.Label(), err)
		if failure.KindOf(err) != failure.Partial || len(target.Indices) == 0 {
			return target, nil, err
		}
		partly, err = err, nil
	}
	if len(target.Indices) == 0 {
		// Nothing is mapped anywhere: fields cannot be judged, and nothing will be searched.
		target.Fields = mapping.Assumed()
	}
	return target, partly, err
}

// TrialTime is the time for which a plan is tried before there is a slot. Any would do, but for exceptions:
// none has expired by then.
var TrialTime = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Assume binds a plan to the types of ECS. A rule that only fits other types than these may run
// where the mapping has them: what speaks against it here is a warning.
func Assume[T any](r *rule.Rule, at time.Time, bind func(search.Target, time.Time) (*T, diag.List)) (*T, diag.List) {
	target := search.Target{Indices: r.Index, Fields: mapping.Assumed()}
	bound, diags := bind(target, at)
	if bound != nil {
		return bound, diags
	}
	target.Fields = mapping.Untyped()
	if bound, _ = bind(target, at); bound == nil {
		return nil, diags
	}
	for i := range diags {
		if diags[i].Severity == diag.Error {
			diags[i].Severity = diag.Warning
			diags[i].Message += " (with the types of ECS; the mapping of the indices decides)"
		}
	}
	return bound, diags
}

// Label names the rule, or the query that is none, in errors.
func (p *Query) Label() string { return Label(p.rule) }

// Label names a rule in errors.
func Label(r *rule.Rule) string {
	if r.ID == "" {
		return "the query"
	}
	return "rule " + r.ID
}

// Explanation fills in what all plans have.
func (p *Query) Explanation(w window.Window, patterns []string, request interface{ Body() condition.Query }) query.Explanation {
	r := p.rule
	return query.Explanation{
		RuleID: r.ID, Name: r.Name, Type: string(r.Type), Language: string(r.Language), Strategy: p.Strategy(),
		Window: w.String(), TimeField: p.Time.Field, TimeFallback: p.Time.Fallback, Indices: patterns,
		Query: p.Parsed.String(), Request: request.Body(),
	}
}

// InferStrategy notes how a plan finds its hits, as far as its types are known.
func (p *Query) InferStrategy(prepared query.Prepared) {
	p.strategy = query.Search
	if query.Scannable(prepared) == nil {
		p.strategy = query.Scan
	}
}

// Unsupported names what of a query rule cannot run yet: without it the rule would mean
// something else.
func Unsupported(r *rule.Rule) diag.List {
	var diags diag.List
	fail := func(key, format string, args ...any) {
		diags = append(diags, r.Report(diag.Error, query.CodeUnsupported, key, format, args...))
	}
	if !translate.Supports(r.Language) {
		fail("rule.language", "queries in %s are not supported yet", r.Language)
	}
	if r.Type == rule.TypeSavedQuery && r.Query.Value == "" && len(r.Filters) == 0 {
		fail("rule.saved_id", "saved query %s is not among the loaded files, and the rule has no query of its own", r.SavedID)
	}
	return diags
}

// DependsOnNow reports whether the conditions of the query may be others at another slot.
func (p *Query) DependsOnNow() bool { return translate.OfNow(p.Parsed, p.rule) }
