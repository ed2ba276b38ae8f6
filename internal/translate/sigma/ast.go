package sigma

import (
	"slices"

	"tocsin/internal/diag"
	"tocsin/internal/diag/yamltree"
	"tocsin/internal/match/condition"
)

// Detection is what a rule, or a filter, asks of an event.
type Detection struct {
	file       diag.Text
	selections []*selection
	// where are the conditions of the section, of which one has to hold.
	where []expr
}

// selection is a search identifier.
type selection struct {
	name string
	node *yamltree.Node
	what expr
	used bool
}

// expr is a part of a condition: allOf, anyOf, negation, *selection or *item.
type expr interface{ each(visit func(*item)) }

type (
	allOf    []expr
	anyOf    []expr
	negation struct{ x expr }
)

// item is a test of one field, or of all texts of the event where the field is "".
type item struct {
	field string
	node  *yamltree.Node
	// values are alternatives, each a list of which one has to hold; with all every one of values has to.
	values [][]value
	all    bool
	neq    bool
}

func (a allOf) each(visit func(*item)) {
	for _, x := range a {
		x.each(visit)
	}
}

func (a anyOf) each(visit func(*item)) {
	for _, x := range a {
		x.each(visit)
	}
}

func (n negation) each(visit func(*item)) { n.x.each(visit) }

func (s *selection) each(visit func(*item)) { s.what.each(visit) }

func (i *item) each(visit func(*item)) { visit(i) }

// values calls visit for every value of the detection, and the item that has it.
func (d *Detection) values(visit func(*item, value)) {
	for _, x := range d.where {
		x.each(func(i *item) {
			for _, alternatives := range i.values {
				for _, v := range alternatives {
					visit(i, v)
				}
			}
		})
	}
}

// Names calls add for every field that the detection names, as it spells it.
func (d *Detection) Names(add func(string)) {
	for _, x := range d.where {
		x.each(func(i *item) {
			if i.field != "" {
				add(i.field)
			}
		})
	}
	d.values(func(_ *item, v value) {
		if ref, ok := v.(fieldRef); ok {
			add(ref.field)
		}
	})
}

// Fields calls visit for every test of a field, with a func that reports at its place.
func (d *Detection) Fields(visit func(name string, report func(sev diag.Severity, code, format string, args ...any) diag.Diagnostic)) {
	for _, x := range d.where {
		x.each(func(i *item) {
			if i.field != "" {
				visit(i.field, func(sev diag.Severity, code, format string, args ...any) diag.Diagnostic {
					return i.node.Report(d.file, sev, code, format, args...)
				})
			}
		})
	}
}

// OfNow reports whether a value is date math on now, which Elasticsearch reads where it says that a field is a date.
func (d *Detection) OfNow() bool {
	found := false
	d.values(func(i *item, v value) {
		if t, ok := v.(text); ok {
			whole, isWhole := t.whole()
			found = found || isWhole && condition.OfNow(condition.Term{Field: i.field, Value: whole})
		}
	})
	return found
}

// Negates reports whether the condition is a negation as a whole: a filter that is none lets nothing but
// what it describes through.
func (d *Detection) Negates() bool {
	for _, x := range d.where {
		if !negates(x) {
			return false
		}
	}
	return true
}

func negates(x expr) bool {
	switch x := x.(type) {
	case negation:
		return true
	case allOf:
		return slices.ContainsFunc(x, negates)
	case anyOf:
		return !slices.ContainsFunc(x, func(x expr) bool { return !negates(x) })
	}
	return false
}
