package sigma

import (
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// Lowering is what a detection means its fields in.
type Lowering struct {
	Fields mapping.Fields
	// Named returns the fields that a name stands for, of which any may have what is asked; nil: the name itself.
	Named func(name string) []string
}

// named returns the fields of a name.
func (l Lowering) named(name string) []string {
	if l.Named == nil {
		return []string{name}
	}
	return l.Named(name)
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
	// unknown are the fields that were said to be nowhere.
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
	var out condition.Or
	var plain []value
	for _, v := range values {
		switch x := v.(type) {
		case null:
			out = append(out, l.missing(i))
		case exists:
			e := l.missing(i)
			if x {
				e = condition.Not{X: e}
			}
			out = append(out, e)
		case fieldRef:
			for _, name := range l.named(i.field) {
				out = append(out, l.reference(i, name, x))
			}
		default:
			plain = append(plain, v)
		}
	}
	if len(plain) > 0 {
		for _, name := range l.named(i.field) {
			out = append(out, l.field(i, name, plain))
		}
	}
	return condition.Simplify(out)
}

// missing is true of an event that has none of the item's fields, as whatever they are mapped.
func (l *lowerer) missing(i *item) condition.Expr {
	var out condition.And
	for _, name := range l.named(i.field) {
		for _, p := range l.placesOf(i, name) {
			out = append(out, condition.Not{X: within(p, present(p))})
		}
	}
	return condition.Simplify(out)
}

// field tests one field, in each of the ways in which indices map it. Tests that a way does not understand
// are not put beside those of another: then the source is asked.
func (l *lowerer) field(i *item, name string, values []value) condition.Expr {
	places := slices.DeleteFunc(slices.Clone(l.placesOf(i, name)), func(p place) bool { return p.kind == nowhere })
	if len(places) == 0 {
		return condition.Const(false)
	}
	for _, p := range places {
		if p.kind != places[0].kind {
			return inSource(place{kind: sourced, base: mapping.Field{Name: name}}, values)
		}
	}
	out := make(condition.Or, len(places))
	for k, p := range places {
		out[k] = within(p, p.oneOf(values))
	}
	return condition.Simplify(out)
}

func (l *lowerer) placesOf(i *item, name string) []place {
	known, ok := l.places[name]
	if !ok {
		known = ways(l.Fields, name)
		l.places[name] = known
	}
	if len(known) == 1 && known[0].kind == nowhere && !l.unknown[name] {
		l.unknown[name] = true
		l.diags = append(l.diags, i.node.Report(l.detection.file, diag.Warning, CodeUnmapped, "Unknown field [%s]: no index has it, so every event lacks it", name))
	}
	return known
}

// within asks the objects of a nested field one by one.
func within(p place, e condition.Expr) condition.Expr {
	if p.base.Nested == "" {
		return e
	}
	return condition.Nested{Path: p.base.Nested, X: e, IgnoreUnmapped: true}
}

// reference compares two fields.
func (l *lowerer) reference(i *item, name string, ref fieldRef) condition.Expr {
	places := l.placesOf(i, name)
	var out condition.Or
	for _, other := range l.named(ref.field) {
		others := l.placesOf(i, other)
		if none(places) || none(others) {
			continue
		}
		out = append(out, condition.Residual{
			Text:   name + " fieldref " + other + " " + ref.String(),
			Fields: []string{name, other}, Required: []string{name, other},
			Source: !slices.ContainsFunc(slices.Concat(places, others), place.unsourced),
			Holds: func(row []*mapping.Value) bool {
				return row[0] != nil && row[1] != nil && ref.holds(row[0].Text(), row[1].Text())
			},
		})
	}
	return out
}

func none(places []place) bool {
	return !slices.ContainsFunc(places, func(p place) bool { return p.kind != nowhere })
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
