package query

import (
	"context"
	"maps"
	"slices"

	"tocsin/internal/condition"
	"tocsin/internal/diag"
	"tocsin/internal/event"
	"tocsin/internal/rule"
	"tocsin/internal/search"
	"tocsin/internal/window"
)

// Plan is how a rule will be executed, as far as its text alone tells.
type Plan interface {
	// Rule returns the rule.
	Rule() *rule.Rule
	// Strategy names how hits are found.
	Strategy() Strategy
	// Prepare resolves patterns and fields where the events are. Prepared is nil when a diagnostic is
	// an error: the rule cannot run on these mappings. The error is operational.
	Prepare(ctx context.Context, events search.Events) (Prepared, diag.List, error)
	// Assume prepares without asking anybody: fields have their ECS types, unknown ones any.
	Assume() (Prepared, diag.List)
}

// Prepared is a plan bound to the mappings of one moment.
type Prepared interface {
	// Target says what the rule's patterns mean.
	Target() search.Target
	// Execute finds the hits of a window, in order of time, until visit returns false.
	Execute(ctx context.Context, events search.Events, w window.Window, visit Visit) (Result, error)
	// Hunt returns the results of an ad hoc query in order, at most size of them below its first pipe;
	// a zero bound of the window is none.
	Hunt(ctx context.Context, events search.Events, w window.Window, size int) ([]Hit, error)
	// Explain shows the stages for a window.
	Explain(w window.Window) Explanation
	// Trace judges one document, part by part, leaving window and indices aside.
	Trace(d condition.Document) (condition.Trace, error)
}

// Hit is what becomes an alert: an event, or a sequence or sample of several.
type Hit struct {
	Event event.Event
	// Group is set for sequences and samples; Event is not used then.
	Group *Group
}

// Group is a sequence or a sample.
type Group struct {
	// JoinKeys are the common values, as text; nil for null.
	JoinKeys []any
	// Events has one slot per step, nil for events that must not be there.
	Events []*event.Event
}

// Present returns the events of the slots that have one.
func (g *Group) Present() []event.Event {
	var out []event.Event
	for _, e := range g.Events {
		if e != nil {
			out = append(out, *e)
		}
	}
	return out
}

// Visit receives hits in order; returning false ends the execution.
type Visit func(hits []Hit) (more bool, err error)

// Result is what an execution as a whole has to say.
type Result struct {
	search.Result
	// Exact is false when Total counts candidates of which some were no hits in memory.
	Exact bool
	// Seen is the number of candidates that were looked at, of Total.
	Seen int64
	// Undecided is the number of sequences that an event after the window could still spoil.
	Undecided int
}

// Strategy names a way to find hits, as check and explain print it.
type Strategy string

// Search is Query DSL, evaluated by the events' place.
const Search Strategy = "search"

// CodeUnsupported marks a rule whose type or language cannot run yet.
const CodeUnsupported = "rule/unsupported"

// planners has one line per rule type.
var planners = map[rule.Type]func(*rule.Rule) (Plan, diag.List){
	rule.TypeEQL:   planEQL,
	rule.TypeQuery: planQuery,
}

// Types returns the rule types that can run, sorted.
func Types() []rule.Type { return slices.Sorted(maps.Keys(planners)) }

// For plans a rule. The plan is nil when a diagnostic is an error.
func For(r *rule.Rule) (Plan, diag.List) {
	plan := planners[r.Type]
	if plan == nil {
		return nil, diag.List{r.Report(diag.Error, CodeUnsupported, "rule.type", "rules of type %q are not supported yet", r.Type)}
	}
	p, diags := plan(r)
	return p, append(diags, notApplied(r)...)
}

// CodeNotApplied marks what a rule says of its alerts and this version does not do.
const CodeNotApplied = "rule/not-applied"

// notApplied warns of settings without which a rule still finds the same events.
func notApplied(r *rule.Rule) diag.List {
	var diags diag.List
	for _, setting := range []struct {
		key string
		set bool
	}{
		{"rule.severity_mapping", len(r.SeverityMapping) > 0},
		{"rule.risk_score_mapping", len(r.RiskScoreMapping) > 0},
		{"rule.rule_name_override", r.RuleNameOverride != ""},
		{"rule.alert_suppression", r.AlertSuppression != nil},
		{"rule.exceptions_list", len(r.ExceptionsList) > 0},
	} {
		if setting.set {
			diags = append(diags, r.Report(diag.Warning, CodeNotApplied, setting.key, "%s is not applied yet: alerts are made without it", setting.key))
		}
	}
	return diags
}
