// From a rule to its alert, 2 of 9: query, filters and exceptions become one condition. Next: internal/translate/eql/lower.go.

package binding

import (
	"slices"
	"sync"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
	"tocsin/internal/translate"
)

// Where is a condition bound to mappings, divided into the part that is searched for and the rest, which is matched in
// memory.
type Where struct {
	Whole, Pushed condition.Expr
	Exact         bool
	// rest is the part of Whole that the search does not decide. It is matched against candidates under the mapping of
	// their own index.
	rest condition.Expr
	ways []mapping.Way
	// rests returns the rest under each of the ways; it is compiled when the first candidate is there, as a shared read
	// has none.
	rests func() ([]bound, error)
	label string
	// InMemory is the whole, where it can be matched in memory and the search would find more; else nil.
	InMemory condition.Expr
	// Text stands for what is asked in memory: equal texts are equal conditions. It is made when it is needed.
	Text func() string
	// parts are the parts that the whole consists of; nil: they are not known.
	parts func() []condition.Part
	// TimeInvariant: the condition is the same at any other time.
	TimeInvariant bool
}

// Where binds the rule's query together with its filters and exceptions, as of a moment. more are further conditions of
// the rule type.
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
	w.parts = func() []condition.Part {
		parts := moment.Parts(p.Parsed, p.rule)
		for _, e := range more {
			parts = append(parts, condition.Part{Of: "condition of the rule type", Where: e})
		}
		return parts
	}
	w.TimeInvariant = !query.OfNow && !narrowing.OfNow
	return w, diags
}

// Bind binds any condition on the rule's events.
func (p *Query) Bind(whole condition.Expr, target search.Target) (*Where, error) {
	w := &Where{Whole: whole, label: p.Label()}
	w.Pushed, w.Exact = condition.Pushdown(whole, target.Fields)
	w.Text = digest(w.Pushed)
	if w.Exact {
		return w, nil
	}
	if inMemory(whole, target.Fields) {
		w.InMemory, w.Text = whole, digest(whole)
	}
	w.rest = condition.Remainder(whole, target.Fields)
	w.ways = mapping.Ways(mapping.Retrieved(target.Fields), condition.Names(w.rest))
	if w.InMemory == nil { // Where the whole can be matched, so can a part of it on retrieved values.
		for _, way := range w.ways {
			if err := condition.Check(w.rest, way.Fields); err != nil {
				return w, err //nolint:wrapcheck // it names the field
			}
		}
	}
	rest, ways := w.rest, w.ways
	w.rests = sync.OnceValues(func() ([]bound, error) {
		out := make([]bound, len(ways))
		for i, way := range ways {
			set, errs := condition.NewSet([]condition.Member{{Expr: rest, Fields: way.Fields}})
			if errs[0] != nil {
				return nil, errs[0] //nolint:wrapcheck // it names the field
			}
			out[i] = bound{set, event.NewSelection(set.Fields(), set.Objects())}
		}
		return out, nil
	})
	return w, nil
}

// digest returns what stands for a condition: its words are long, and thousands of rules would keep them.
func digest(e condition.Expr) func() string {
	return sync.OnceValue(func() string { return condition.Digest(e) })
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

// bound is the rest under one mapping; selection reads the fields of candidates that set needs.
type bound struct {
	set       *condition.Set
	selection *event.Selection
}

// Trace evaluates the whole condition on one document, with filters and exceptions apart.
func (w *Where) Trace(fields mapping.Fields, d condition.Document) (condition.Trace, error) {
	var parts []condition.Part
	if w.parts != nil {
		parts = w.parts()
	}
	return condition.TraceParts(w.Whole, parts, FieldsOf(fields, d), d) //nolint:wrapcheck // it names the field
}

// Nothing reports whether no event can meet the condition.
func (w *Where) Nothing() bool { return w.Pushed == condition.Expr(condition.Const(false)) }

// Fields returns the fields whose indexed values are needed to match candidates in memory.
func (w *Where) Fields() []string {
	if w.Exact {
		return nil
	}
	return condition.Fields(w.rest)
}

// Admit returns the candidates that the whole condition matches.
func (w *Where) Admit(page []event.Event) ([]event.Event, error) {
	if w.rests == nil {
		return page, nil
	}
	rests, err := w.rests()
	if err != nil {
		return nil, err
	}
	readers := make([]restReader, len(rests))
	for i, rest := range rests {
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

// Joined returns the names of both lists, sorted and without duplicates; nil if there are none.
func Joined(a, b []string) []string {
	names := slices.Concat(a, b)
	slices.Sort(names)
	return slices.Compact(names)
}

// FieldsOf returns the fields as the index of a document maps them, if the index is known.
func FieldsOf(fields mapping.Fields, d condition.Document) mapping.Fields {
	if of, ok := d.(interface{ Index() string }); ok {
		return mapping.OfIndex(fields, of.Index())
	}
	return fields
}

// WhereAt is Where without further conditions, as [Assume] needs it.
func (p *Query) WhereAt(target search.Target, at time.Time) (*Where, diag.List) {
	return p.Where(target, at)
}

// Narrowed returns a copy whose search has one more condition. w itself, which executions share, does not change.
func (w *Where) Narrowed(only condition.Expr) *Where {
	narrower := *w
	narrower.Pushed = condition.Simplify(condition.And{w.Pushed, only})
	narrower.Text = digest(narrower.Pushed)
	return &narrower
}
