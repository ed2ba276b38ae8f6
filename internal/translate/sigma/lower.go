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
	l := lowerer{Lowering: in, detection: d, done: map[*selection]condition.Expr{}, places: map[string][]place{}, missing: map[string]bool{}}
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
	missing   map[string]bool
	diags     diag.List
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
	each := make([]condition.Expr, len(i.values))
	for k, alternatives := range i.values {
		each[k] = l.alternatives(i, alternatives)
	}
	var out condition.Expr
	switch {
	case i.all:
		out = condition.And(each)
	default:
		out = sameTerms(condition.Simplify(condition.Or(each)))
	}
	if i.neq {
		return condition.Not{X: out}
	}
	return out
}

func (l *lowerer) alternatives(i *item, list []value) condition.Expr {
	out := make(condition.Or, len(list))
	for k, v := range list {
		out[k] = l.value(i, v)
	}
	return out
}

// value is a test on the fields that the item's name stands for.
func (l *lowerer) value(i *item, v value) condition.Expr {
	if i.field == "" {
		return anywhereInSource(v)
	}
	_, isNull := v.(null)
	if e, ok := v.(exists); ok && !bool(e) {
		v, isNull = null{}, true
	}
	var any condition.Or
	var every condition.And
	for _, name := range l.named(i.field) {
		e := l.field(i, name, v)
		any, every = append(any, e), append(every, e)
	}
	if isNull {
		return every
	}
	return any
}

// field is a test on one field, in the way in which each index maps it.
func (l *lowerer) field(i *item, name string, v value) condition.Expr {
	places := l.placesOf(i, name)
	if ref, ok := v.(fieldRef); ok {
		return l.reference(i, name, places, ref)
	}
	var list condition.Or
	var texts []string
	mixed := false
	for _, p := range places {
		if p.kind == nowhere && len(places) > 1 && !isNegative(v) {
			continue
		}
		e := condition.Simplify(within(p, leaf(p, name, v)))
		mixed = mixed || p.kind != places[0].kind && p.kind != nowhere && places[0].kind != nowhere
		if t := e.String(); !slices.Contains(texts, t) {
			list, texts = append(list, e), append(texts, t)
		}
	}
	switch {
	case len(list) == 1:
		return list[0]
	case isNegative(v):
		return condition.And(list) // missing as whatever it is mapped
	case mixed:
		return inSource(place{base: mapping.Field{Name: name}}, v)
	}
	return list
}

// isNegative reports whether a test is true of an event without the field.
func isNegative(v value) bool {
	_, isNull := v.(null)
	return isNull
}

func (l *lowerer) placesOf(i *item, name string) []place {
	known, ok := l.places[name]
	if !ok {
		known = ways(l.Fields, name)
		l.places[name] = known
	}
	if len(known) == 1 && known[0].kind == nowhere && !l.missing[name] {
		l.missing[name] = true
		l.diags = append(l.diags, i.node.Report(l.detection.file, diag.Warning, CodeUnmapped, "Unknown field [%s]: no index has it, so every event lacks it", name))
	}
	return known
}

// within asks the objects of a nested field one by one.
func within(p place, e condition.Expr) condition.Expr {
	if p.base.Nested == "" {
		return e
	}
	if not, ok := e.(condition.Not); ok {
		return condition.Not{X: within(p, not.X)}
	}
	return condition.Nested{Path: p.base.Nested, X: e, IgnoreUnmapped: true}
}

// reference compares two fields.
func (l *lowerer) reference(i *item, name string, places []place, ref fieldRef) condition.Expr {
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
