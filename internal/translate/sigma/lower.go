package sigma

import (
	"cmp"
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/fieldmap"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// Lowering is what a detection means its fields in.
type Lowering struct {
	Fields mapping.Fields
	// Events say where values of a name are; nil: in the field of this name.
	Events *fieldmap.Events
}

// Lower makes the condition. Warnings name fields that no index has.
func (d *Detection) Lower(in Lowering) (condition.Expr, diag.List) {
	l := lowerer{Lowering: in, detection: d, done: map[*selection]condition.Expr{}, places: map[string][]place{}, unknown: map[string]bool{}}
	out := make(condition.Or, len(d.where))
	for i, x := range d.where {
		out[i] = l.expr(x)
	}
	return condition.Simplify(out), l.diags
}

type lowerer struct {
	Lowering
	detection *Detection
	done      map[*selection]condition.Expr
	places    map[string][]place
	// unknown are the names that were said to be nowhere.
	unknown map[string]bool
	diags   diag.List
}

func (l *lowerer) expr(x expr) condition.Expr {
	switch x := x.(type) {
	case allOf:
		return condition.And(l.all(x))
	case anyOf:
		return condition.Or(l.all(x))
	case negation:
		return condition.Not{X: l.expr(x.x)}
	case *selection:
		if known, ok := l.done[x]; ok {
			return known
		}
		made := condition.Simplify(l.expr(x.what))
		l.done[x] = made
		return made
	case *item:
		return l.item(x)
	}
	return condition.Const(false)
}

func (l *lowerer) all(xs []expr) []condition.Expr {
	out := make([]condition.Expr, len(xs))
	for i, x := range xs {
		out[i] = l.expr(x)
	}
	return out
}

// item joins the tests of an item's values.
func (l *lowerer) item(i *item) condition.Expr {
	var out condition.Expr
	if i.all {
		each := make(condition.And, len(i.values))
		for k, alternatives := range i.values {
			each[k] = l.oneOf(i, alternatives)
		}
		out = each
	} else {
		out = l.oneOf(i, slices.Concat(i.values...))
	}
	if i.neq {
		return condition.Not{X: out}
	}
	return out
}

// oneOf is true of an event for which one of several tests of an item's field holds.
func (l *lowerer) oneOf(i *item, values []value) condition.Expr {
	if i.field == "" {
		return inSource(place{}, values)
	}
	at := l.at(i, i.field)
	var out condition.Or
	var plain []value
	for _, v := range values {
		switch x := v.(type) {
		case null:
			out = append(out, l.missing(at))
		case exists:
			e := l.missing(at)
			if x {
				e = condition.Not{X: e}
			}
			out = append(out, e)
		case fieldRef:
			out = append(out, l.reference(i, at, x))
		default:
			plain = append(plain, v)
		}
	}
	if len(plain) > 0 {
		for _, p := range at {
			out = append(out, l.place(p, plain))
		}
		if slices.ContainsFunc(plain, l.isDropped) && slices.ContainsFunc(at, l.isMapped) {
			out = append(out, l.missing(at))
		}
	}
	return out
}

// field tests one field, in each of the ways in which indices map it. Tests that a way does not understand
// are not put beside those of another: then the source is asked.
func (l *lowerer) field(name string, values []value) condition.Expr {
	places := slices.DeleteFunc(slices.Clone(l.placesOf(name)), func(p place) bool { return p.kind == nowhere })
	if len(places) == 0 {
		return condition.Const(false)
	}
	for _, p := range places {
		if p.kind != places[0].kind {
			return inSourceOf(places, values)
		}
	}
	out := make(condition.Or, len(places))
	for k, p := range places {
		out[k] = within(p, p.oneOf(values))
	}
	return out
}

func (l *lowerer) placesOf(name string) []place {
	known, ok := l.places[name]
	if !ok {
		known = ways(l.Fields, name)
		l.places[name] = known
	}
	return known
}

// inSourceOf asks the source of a field that is of different kinds.
func inSourceOf(places []place, values []value) condition.Expr {
	base := mapping.Field{Name: places[0].base.Name}
	for _, p := range places {
		base.Unsourced = cmp.Or(base.Unsourced, p.base.Unsourced)
	}
	return condition.Simplify(condition.And{sentIn(places), place{kind: sourced, base: base}.compared(values)})
}

// within asks the objects of a nested field one by one.
func within(p place, e condition.Expr) condition.Expr {
	if p.base.Nested == "" {
		return e
	}
	return condition.Nested{Path: p.base.Nested, X: e, IgnoreUnmapped: true}
}

// sentIn is true of events that may have a value that has to be read.
func sentIn(places []place) condition.Expr {
	var out condition.Or
	for _, p := range places {
		if p.kind != nowhere {
			out = append(out, p.sent())
		}
	}
	return condition.Simplify(out)
}

// holds compares two texts.
func (r fieldRef) holds(value, other string) bool {
	if !r.cased {
		value, other = fold(value), fold(other)
	}
	switch {
	case r.begin && r.end:
		return strings.Contains(value, other)
	case r.begin:
		return strings.HasPrefix(value, other)
	case r.end:
		return strings.HasSuffix(value, other)
	}
	return value == other
}

// String tells the comparisons apart.
func (r fieldRef) String() string {
	out := ""
	if r.begin {
		out += "|begin"
	}
	if r.end {
		out += "|end"
	}
	if r.cased {
		out += "|cased"
	}
	return out
}
