package query

import (
	"time"

	"tocsin/internal/condition"
	"tocsin/internal/diag"
	"tocsin/internal/event"
	"tocsin/internal/failure"
	"tocsin/internal/search"
	"tocsin/internal/translate"
)

// where is a condition bound to mappings: what of it is searched, and what is left to be matched in
// memory.
type where struct {
	whole, pushed condition.Expr
	exact         bool
	// rest is what the search leaves open of whole; set judges candidates by it, by what selection reads
	// of them.
	rest      condition.Expr
	set       *condition.Set
	selection *event.Selection
	label     string
	// text is pushed in words, which are long: they are put together once.
	text string
	// lasts: it is the same at any other moment.
	lasts bool
}

// where binds the rule's query, with what its filters and exceptions take away. What they say of
// now is about the given moment. More is what the rule type wants of an event besides.
func (p *queryPlan) where(target search.Target, at time.Time, more ...condition.Expr) (*where, diag.List) {
	whole, diags := p.query.Lower(target.Fields)
	if diags.HasErrors() {
		return nil, diags
	}
	narrowing, remarks := translate.Narrow(p.rule, target.Fields, at)
	diags = append(diags, remarks...)
	if diags.HasErrors() {
		return nil, diags
	}
	lasting := append(condition.And{whole, narrowing}, more...)
	whole = condition.AsOf(lasting, target.Fields, at)
	w, err := p.newWhere(condition.Simplify(whole), target)
	if err != nil {
		return nil, append(diags, p.rule.Report(diag.Error, "rule/condition", "rule.query", "%v", err))
	}
	diags = append(diags, longValues(p.rule, "rule.query", target.Fields, condition.Fields(w.whole)...)...)
	w.lasts = !at.IsZero() && whole.String() == lasting.String()
	return w, diags
}

// newWhere binds any condition on the rule's events.
func (p *queryPlan) newWhere(whole condition.Expr, target search.Target) (*where, error) {
	w := &where{whole: whole, label: p.label()}
	w.pushed, w.exact = condition.Pushdown(whole, target.Fields)
	w.text = w.pushed.String()
	if w.exact {
		return w, nil
	}
	w.rest = condition.Remainder(whole, target.Fields)
	set, errs := condition.NewSet([]condition.Member{{Expr: w.rest, Fields: target.Fields}})
	w.set, w.selection = set, event.NewSelection(set.Fields(), set.Objects())
	return w, errs[0] //nolint:wrapcheck // it names the field
}

// nothing reports whether no event can meet the condition.
func (w *where) nothing() bool { return w.pushed == condition.Expr(condition.Const(false)) }

// fields names those whose indexed values matching in memory needs.
func (w *where) fields() []string {
	if w.exact {
		return nil
	}
	return condition.Fields(w.rest)
}

// admit drops the candidates that the whole condition does not admit.
func (w *where) admit(page []event.Event) ([]event.Event, error) {
	if w.set == nil {
		return page, nil
	}
	view, matching := w.selection.NewView(), w.set.NewMatching()
	var out []event.Event
	for i := range page {
		if err := view.ReadEvent(&page[i]); err != nil {
			return nil, &failure.Error{Kind: failure.Rejected, Op: "read the hits of " + w.label, Err: err}
		}
		if len(matching.Match(view, nil)) > 0 {
			out = append(out, page[i])
		}
	}
	return out, nil
}
