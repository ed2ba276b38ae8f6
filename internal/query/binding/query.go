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

// Query is a rule with its parsed query.
type Query struct {
	rule       *rule.Rule
	Parsed     translate.Query
	Time       search.TimeRange
	Tiebreaker string
	// touched are all fields that a search or an alert reads, sorted.
	touched []string
	// strategy is the strategy that follows from the types of ECS; "" until it is inferred.
	strategy query.Strategy
}

// New returns the query of a rule. Its windows refer to the fields of time; tiebreaker orders events of the same time, and
// may be "".
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

// OwnRule is the field by which a rule recognises its own alerts among the events, so that it does not count them.
const OwnRule = "kibana.alert.rule.rule_id"

// Rule returns the rule.
func (p *Query) Rule() *rule.Rule { return p.rule }

// Strategy is Scan if the shared scan can answer the rule. Whether it does is decided by cost, for each round.
func (p *Query) Strategy() query.Strategy { return cmp.Or(p.strategy, query.Search) }

// Fields returns all fields that a search or an alert reads, and further ones.
func (p *Query) Fields(more ...string) []string {
	if len(more) == 0 {
		return p.touched
	}
	names := slices.Concat(p.touched, more)
	slices.Sort(names)
	return slices.Compact(names)
}

// Computed returns the fields that the rule's alerts need and whose values are not in the source of a document. A search
// must request them; a scan cannot.
func (p *Query) Computed(fields mapping.Fields) []string {
	var names []string
	for _, name := range p.rule.AskedFields() {
		if mapping.InMemory(fields, name) != nil {
			names = append(names, name)
		}
	}
	return names
}

// UnmappedGroups warns about suppression fields that no index maps.
func (p *Query) UnmappedGroups(target search.Target) diag.List {
	s := p.rule.AlertSuppression
	if s == nil || !p.rule.GroupsEachValue() || len(target.Indices) == 0 {
		return nil
	}
	var diags diag.List
	for i, name := range s.GroupBy {
		if _, mapped := target.Fields.Field(name); !mapped {
			diags = append(diags, p.rule.Report(diag.Warning, query.CodeUnmappedField, fmt.Sprintf("rule.alert_suppression.group_by[%d]", i),
				"Unknown field [%s]: no index has it, so every event lacks it", name).About(name))
		}
	}
	return diags
}

// Wants returns the patterns and fields that Prepare will resolve, so that callers can resolve them for many rules at
// once. It is a hint: anything else is resolved when it is needed.
func (p *Query) Wants(at time.Time, w window.Window) (patterns, fields []string) {
	return p.Names(at).Of(w), p.Fields()
}

// Names returns the rule's index patterns for a slot.
func (p *Query) Names(slot time.Time) query.Names { return query.NamesAt(p.rule.Index, slot) }

// Resolve resolves the rule's patterns, over a range of time, and its fields. If some indices could not be resolved,
// partialErr says so; the others can still be searched.
func (p *Query) Resolve(ctx context.Context, src query.Source, w window.Window, more ...string) (target search.Target, partialErr, err error) {
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
		partialErr, err = err, nil
	}
	if len(target.Indices) == 0 {
		// There is no mapping to check fields against, and nothing will be searched.
		target.Fields = mapping.Assumed()
	}
	return target, partialErr, err
}

// TrialTime is the time for which a plan is tried before there is a slot. It is so early that no exception has expired.
var TrialTime = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Assume binds a plan to the types of ECS. A rule that is valid only under other types may still run on real mappings, so
// its errors become warnings.
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

// Label returns the name of the rule in errors.
func (p *Query) Label() string { return Label(p.rule) }

// Label returns the name of a rule in errors: its id, or "the query" if it has none.
func Label(r *rule.Rule) string {
	if r.ID == "" {
		return "the query"
	}
	return "rule " + r.ID
}

// Explanation returns an explanation with everything that plans have in common.
func (p *Query) Explanation(w window.Window, patterns []string, request interface{ Body() condition.Query }) query.Explanation {
	r := p.rule
	return query.Explanation{
		RuleID: r.ID, Name: r.Name, Type: string(r.Type), Language: string(r.Language), Strategy: p.Strategy(),
		Window: w.String(), TimeField: p.Time.Field, TimeFallback: p.Time.Fallback, Indices: patterns,
		Query: p.Parsed.String(), Request: request.Body(),
	}
}

// InferStrategy sets the strategy from a plan that is bound to assumed types.
func (p *Query) InferStrategy(prepared query.Prepared) {
	p.strategy = query.Search
	if query.Scannable(prepared) == nil {
		p.strategy = query.Scan
	}
}

// Unsupported reports what in a rule's query cannot run yet. Leaving it out would change the meaning of the rule.
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

// DependsOnNow reports whether the conditions of the query may change from slot to slot.
func (p *Query) DependsOnNow() bool { return translate.OfNow(p.Parsed, p.rule) }
