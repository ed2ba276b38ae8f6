package sigma

import (
	"slices"

	"tocsin/internal/diag"
	"tocsin/internal/diag/yamltree"
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
type expr interface{ names(add func(string)) }

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

func (a allOf) names(add func(string)) {
	for _, x := range a {
		x.names(add)
	}
}

func (a anyOf) names(add func(string)) {
	for _, x := range a {
		x.names(add)
	}
}

func (n negation) names(add func(string)) { n.x.names(add) }

func (s *selection) names(add func(string)) { s.what.names(add) }

func (i *item) names(add func(string)) {
	if i.field != "" {
		add(i.field)
	}
	for _, alternatives := range i.values {
		for _, v := range alternatives {
			if ref, ok := v.(fieldRef); ok {
				add(ref.field)
			}
		}
	}
}

// Names calls add for every field that the detection names, as it spells it.
func (d *Detection) Names(add func(string)) {
	for _, x := range d.where {
		x.names(add)
	}
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
