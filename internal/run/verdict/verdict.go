package verdict

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/ledger"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/query"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// Question is a rule, and what is known of its runs.
type Question struct {
	Plan query.Plan
	// Prepared has the condition that events are judged by.
	Prepared query.Prepared
	// Events are the events among which the judged event is; nil: they are not known.
	Events search.Events
	// Ask asks the index of an event whether the event meets a condition that only a search can match; nil: it cannot be
	// asked.
	Ask func(ctx context.Context, e event.Ref, c condition.Expr) (bool, error)
	// Locate returns a test for the names of indices that patterns match; nil: names are not compared.
	Locate func(ctx context.Context, patterns []string) (func(index string) bool, error)
	// Alerts finds alerts for a slot; nil: they are not known. Supposed: they are what a run at the slot would make.
	Alerts   func(ctx context.Context, slot time.Time) (Alerts, error)
	Supposed bool
	// History has the alerts that were made before; nil: there are none.
	History query.History
	// Ledger has the records of slots; nil: they are not known.
	Ledger ledger.Store
	// Slot is the slot that is asked about; zero: the first slot that reads the event.
	Slot time.Time
	// Now is the time of day.
	Now time.Time
}

// Alerts finds alerts.
type Alerts struct {
	// About returns the alerts of the rule that are about an event.
	About func(ctx context.Context, e event.Ref) ([]alert.Document, error)
	// Of returns the alerts of the rule about instances (kibana.alert.instance.id).
	Of func(ctx context.Context, instances []string) ([]alert.Document, error)
}

// Subject is a judged event.
type Subject struct {
	Event event.Event
	// Anywhere: the event names no index, and belongs to every pattern.
	Anywhere bool
	// Times are the times of the event for windows, if they are not those of its fields.
	Times []time.Time
}

// Result is the answer of a check.
type Result string

// The results. Unknown: it could not be decided, and the text says why.
const (
	Yes     Result = "yes"
	No      Result = "no"
	Unknown Result = "unknown"
)

// Check is one reason that could keep an event from an alert. Name is the reason's, Yes means that it does not.
type Check struct {
	Name   string `json:"name"`
	Result Result `json:"result"`
	Text   string `json:"text"`
}

// The names of checks, in their order.
const (
	Enabled     = "enabled"
	Index       = "index"
	Window      = "window"
	Condition   = "condition"
	Group       = "group"
	Ledger      = "ledger"
	Lateness    = "lateness"
	Suppression = "suppression"
	Alert       = "alert"
)

// Verdict is everything about one event and one rule.
type Verdict struct {
	RuleID string `json:"rule_id"`
	Rule   string `json:"rule"`
	Index  string `json:"index,omitempty"`
	ID     string `json:"id,omitempty"`
	// Matches: the event meets the condition, with filters and exceptions; of a sequence, that of a step. It is nil if that
	// cannot be told: only Elasticsearch evaluates the condition.
	Matches *bool `json:"matches"`
	// Alerts: nothing keeps the event from an alert, as far as is known.
	Alerts bool `json:"alerts"`
	// Summary is the verdict and its reason in one sentence.
	Summary string `json:"summary"`
	// Slot is the slot that is judged, SlotWindow what it reads; zero if there is none.
	Slot       time.Time `json:"slot,omitzero"`
	SlotWindow string    `json:"window,omitempty"`
	Checks     []Check   `json:"checks"`
	// Deciding are the clauses that decide the condition: if each of them had the other result, Matches would be the
	// other. Smallest: no smaller set of clauses would do.
	Deciding []Clause `json:"deciding"`
	Smallest bool     `json:"smallest"`
	// Near says how near the groups of the event come to an alert, if the rule needs several events.
	Near  []query.Near    `json:"near,omitempty"`
	Trace condition.Trace `json:"trace,omitzero"`
	// AlertID is the alert that was made of the event, or that it was folded into.
	AlertID string `json:"alert_id,omitempty"`

	steps bool
}

// Clause is a deciding clause. Of is the part of the rule that it is in: an exception, a filter, a step; "" for the query.
type Clause struct {
	Of     string   `json:"of,omitempty"`
	Text   string   `json:"text"`
	Holds  bool     `json:"holds"`
	Values []string `json:"values,omitempty"`
}

// Judge judges an event. The error says why it cannot be judged at all.
func (q *Question) Judge(ctx context.Context, s Subject) (Verdict, error) {
	r := q.Plan.Rule()
	v := Verdict{RuleID: r.ID, Rule: r.Name, Index: s.Event.Index, ID: s.Event.ID, Checks: []Check{}, Deciding: []Clause{}}
	doc, err := s.Event.Document()
	if err != nil {
		return v, err //nolint:wrapcheck // it names the event
	}
	if r.Enabled != nil && !*r.Enabled {
		v.add(Enabled, No, "the rule is disabled")
	}
	w := q.window(&v, s, doc)
	if err := q.index(ctx, &v, s, w); err != nil {
		return v, err
	}
	slices.SortStableFunc(v.Checks, func(a, b Check) int { return rank(a.Name) - rank(b.Name) })
	var judged condition.Document = doc
	if q.Ask != nil && s.Event.ID != "" {
		judged = asked{doc, func(e condition.Expr) (bool, error) { return q.Ask(ctx, s.Event.Ref(), e) }}
	}
	q.condition(ctx, &v, judged)
	if v.Matches == nil || *v.Matches {
		q.beside(ctx, &v, s, doc)
	}
	v.conclude()
	return v, nil
}

// asked is a document that asks its index.
type asked struct {
	*event.Document
	ask func(condition.Expr) (bool, error)
}

// Ask implements [condition.Asker].
func (a asked) Ask(e condition.Expr) (bool, error) { return a.ask(e) }

// rank puts the index before the window, which is needed first.
func rank(name string) int { return slices.Index([]string{Enabled, Index, Window}, name) }

func (v *Verdict) add(name string, r Result, format string, args ...any) {
	v.Checks = append(v.Checks, Check{name, r, fmt.Sprintf(format, args...)})
}

// check returns the check of a name; nil if there is none.
func (v *Verdict) check(name string) *Check {
	i := slices.IndexFunc(v.Checks, func(c Check) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &v.Checks[i]
}

// index compares the event's index with the patterns of the rule.
func (q *Question) index(ctx context.Context, v *Verdict, s Subject, w window.Window) error {
	patterns := q.Plan.Rule().Index
	if len(patterns) == 0 || q.Locate == nil && !s.Anywhere {
		return nil
	}
	if s.Anywhere {
		v.add(Index, Yes, "the event names no index: it belongs to every pattern")
		return nil
	}
	if !v.Slot.IsZero() {
		resolved, err := query.NamesAt(patterns, v.Slot).Over(w)
		if err != nil {
			return err //nolint:wrapcheck // it says what it was doing
		}
		patterns = resolved
	}
	within, err := q.Locate(ctx, patterns)
	switch {
	case err != nil:
		v.add(Index, Unknown, "which indices the patterns %s match cannot be told: %v", strings.Join(patterns, ", "), err)
	case within(s.Event.Index):
		v.add(Index, Yes, "%s is among the patterns %s", s.Event.Index, strings.Join(patterns, ", "))
	default:
		v.add(Index, No, "its index %s matches none of the patterns %s", s.Event.Index, strings.Join(patterns, ", "))
	}
	return nil
}

// condition traces the condition and finds what decides it.
func (q *Question) condition(ctx context.Context, v *Verdict, doc condition.Document) {
	trace, err := q.Prepared.Trace(ctx, doc)
	if err != nil {
		v.Smallest = true
		v.add(Condition, Unknown, "its condition cannot be judged here: %v", err)
		return
	}
	decided := condition.Decide(trace)
	v.Trace, v.Matches, v.Smallest = decided.Trace, &decided.Trace.Holds, decided.Smallest
	v.steps = trace.Op == condition.OpOr && slices.ContainsFunc(trace.Parts, func(p condition.Trace) bool { return strings.HasPrefix(p.Of, "step") })
	v.clauses(decided.Trace, "")
	if trace.Holds {
		v.add(Condition, Yes, "%s", v.holding())
		return
	}
	v.add(Condition, No, "%s", v.failing())
}

// clauses lists the deciding leaves with the part of the rule that they are in, each once.
func (v *Verdict) clauses(t condition.Trace, of string) {
	if t.Of != "" {
		of = strings.TrimPrefix(of+", "+t.Of, ", ")
	}
	if t.Deciding {
		c := Clause{of, t.Text, t.Holds, t.Values}
		if !slices.ContainsFunc(v.Deciding, func(o Clause) bool { return o.Text == c.Text && o.Holds == c.Holds }) {
			v.Deciding = append(v.Deciding, c)
		}
	}
	for _, p := range t.Parts {
		v.clauses(p, of)
	}
}

// holding says which steps or rules an event meets, if there are several.
func (v *Verdict) holding() string {
	var names []string
	for _, p := range v.Trace.Parts {
		if v.Trace.Op == condition.OpOr && p.Holds && p.Of != "" {
			names = append(names, p.Of)
		}
	}
	if len(names) > 0 {
		return "it meets " + strings.Join(names, ", ")
	}
	return "it meets the condition of the rule"
}

// mostClauses is how many clauses the summary names.
const mostClauses = 3

// failing says why the condition does not hold.
func (v *Verdict) failing() string {
	var parts, excluded []string
	more := 0
	for _, c := range v.Deciding {
		if _, name, ok := strings.Cut(", "+c.Of, ", exception "); ok {
			if text := "exception " + name + " excludes it"; !slices.Contains(excluded, text) {
				excluded = append(excluded, text)
			}
			continue
		}
		if len(parts) == mostClauses {
			more++
			continue
		}
		parts = append(parts, c.String())
	}
	if more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more clauses", more))
	}
	if all := slices.Concat(excluded, parts); len(all) > 0 {
		return strings.Join(all, "; ")
	}
	return "no change of single clauses makes it match: the rule cannot match any such event"
}

// String says what a clause asks, and what the event has.
func (c Clause) String() string {
	has := "the event has no value there"
	if len(c.Values) > 0 {
		has = "the event has " + shown(c.Values)
	}
	of := ""
	if c.Of != "" {
		of = " of " + c.Of
	}
	if c.Holds {
		return fmt.Sprintf("%s%s holds and must not: %s", c.Text, of, has)
	}
	return fmt.Sprintf("%s%s does not hold: %s", c.Text, of, has)
}

// mostValues is how many values of a field are shown.
const mostValues = 5

func shown(values []string) string {
	if len(values) > mostValues {
		return fmt.Sprintf("%s and %d more", strings.Join(values[:mostValues], " | "), len(values)-mostValues)
	}
	return strings.Join(values, " | ")
}
