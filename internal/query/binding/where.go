// From a rule to its alert, 2 of 9: query, filters and exceptions become one condition. Next: internal/translate/eql/lower.go.

package binding

import (
	"slices"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
	"tocsin/internal/translate"
)

// Where is a condition bound to mappings: what of it is searched, and what is left to be matched in
// memory.
type Where struct {
	Whole, Pushed condition.Expr
	Exact         bool
	// rest is what the search leaves open of whole; candidates are judged by it in the way in which
	// their index maps its fields.
	rest  condition.Expr
	ways  []mapping.Way
	rests []bound
	label string
	// InMemory is the whole, where it can be matched in memory and the search would find more; else nil.
	InMemory condition.Expr
	// Text is what is asked in memory in words, which are long: they are put together once.
	Text string
	// lasts: it is the same at any other moment.
	TimeInvariant bool
}

// Where binds the rule's query, with what its filters and exceptions take away. What they say of
// now is about the given moment. More is what the rule type wants of an event besides.
func (p *Query) Where(target search.Target, at time.Time, more ...condition.Expr) (*Where, diag.List) {
	moment := translate.Moment{Fields: target.Fields, Now: at}
	query, diags := moment.Query(p.Parsed)
	if diags.HasErrors() {
		return nil, diags
	}
	narrowing, remarks := moment.Narrow(p.rule)
	diags = append(diags, remarks...)
	if diags.HasErrors() {
		return nil, diags
	}
	whole := append(condition.And{query.Where, narrowing.Where}, more...)
	w, err := p.Bind(condition.Simplify(whole), target)
	if err != nil {
		return nil, append(diags, p.rule.Report(diag.Error, "rule/condition", "rule.query", "%v", err))
	}
	diags = append(diags, LongValues(p.rule, "rule.query", target.Fields, append(shortened(w.Whole), behindTexts(w.Whole, target.Fields, p.Parsed.Names())...)...)...)
	w.TimeInvariant = !query.OfNow && !narrowing.OfNow
	return w, diags
}

// Bind binds any condition on the rule's events.
func (p *Query) Bind(whole condition.Expr, target search.Target) (*Where, error) {
	w := &Where{Whole: whole, label: p.Label()}
	w.Pushed, w.Exact = condition.Pushdown(whole, target.Fields)
	w.Text = w.Pushed.String()
	if w.Exact {
		return w, nil
	}
	if inMemory(whole, target.Fields) {
		w.InMemory, w.Text = whole, whole.String()
	}
	w.rest = condition.Remainder(whole, target.Fields)
	w.ways = mapping.Ways(mapping.Retrieved(target.Fields), condition.Names(w.rest))
	for _, way := range w.ways {
		set, errs := condition.NewSet([]condition.Member{{Expr: w.rest, Fields: way.Fields}})
		if errs[0] != nil {
			return w, errs[0] //nolint:wrapcheck // it names the field
		}
		w.rests = append(w.rests, bound{set, event.NewSelection(set.Fields(), set.Objects())})
	}
	return w, nil
}

// inMemory reports whether a condition can be matched in memory as it is, in every index.
func inMemory(whole condition.Expr, fields mapping.Fields) bool {
	for _, name := range condition.Fields(whole) {
		if mapping.InMemory(fields, name) != nil {
			return false
		}
	}
	for _, way := range mapping.Ways(fields, condition.Names(whole)) {
		if condition.Check(whole, way.Fields) != nil {
			return false
		}
	}
	return true
}

// bound is the rest under one way to map its fields; selection reads of candidates what set asks.
type bound struct {
	set       *condition.Set
	selection *event.Selection
}

// Nothing reports whether no event can meet the condition.
func (w *Where) Nothing() bool { return w.Pushed == condition.Expr(condition.Const(false)) }

// Fields names those whose indexed values matching in memory needs.
func (w *Where) Fields() []string {
	if w.Exact {
		return nil
	}
	return condition.Fields(w.rest)
}

// Admit drops the candidates that the whole condition does not admit.
func (w *Where) Admit(page []event.Event) ([]event.Event, error) {
	if w.rests == nil {
		return page, nil
	}
	readers := make([]restReader, len(w.rests))
	for i, rest := range w.rests {
		readers[i] = restReader{rest.selection.NewView(), rest.set.NewMatching()}
	}
	var out []event.Event
	for i := range page {
		r := readers[mapping.WayOf(w.ways, page[i].Index)]
		if err := r.view.ReadEvent(&page[i]); err != nil {
			return nil, &failure.Error{Kind: failure.Rejected, Op: "read the hits of " + w.label, Err: err}
		}
		if len(r.matching.Match(r.view, nil)) > 0 {
			out = append(out, page[i])
		}
	}
	return out, nil
}

type restReader struct {
	view     *event.View
	matching *condition.Matching
}

// Joined are the names of both lists in order, each once; nil where there is none.
func Joined(a, b []string) []string {
	names := slices.Concat(a, b)
	slices.Sort(names)
	return slices.Compact(names)
}

// FieldsOf are the fields as the index of a document maps them, where it is known.
func FieldsOf(fields mapping.Fields, d condition.Document) mapping.Fields {
	if of, ok := d.(interface{ Index() string }); ok {
		return mapping.OfIndex(fields, of.Index())
	}
	return fields
}

// WhereAt is where without more, as assume wants it.
func (p *Query) WhereAt(target search.Target, at time.Time) (*Where, diag.List) {
	return p.Where(target, at)
}

// Narrowed is the condition with one more that only the search asks. Executions that share w keep it as it is.
func (w *Where) Narrowed(only condition.Expr) *Where {
	narrower := *w
	narrower.Pushed = condition.Simplify(condition.And{w.Pushed, only})
	narrower.Text = narrower.Pushed.String()
	return &narrower
}
