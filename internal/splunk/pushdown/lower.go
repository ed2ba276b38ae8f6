package pushdown

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/fieldmap"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/splunk"
	"tocsin/internal/translate/membership"
	"tocsin/internal/translate/spl"
)

// Lower writes a search's condition for Elasticsearch. It matches every event whose row matches the search's condition; if
// it is exact, it matches no others. Tests that Elasticsearch cannot make (words of the raw event, analysed text, values
// in one of several fields) are left out, so rows must be tested again unless it is exact. The condition is nil when a
// diagnostic is an error.
func (v View) Lower(x spl.Expr, fields mapping.Fields) (where condition.Expr, exact bool, diags diag.List) {
	where, exact, leftOut, diags := v.lower(x, fields)
	return where, exact && len(leftOut) == 0, diags
}

// lower is [View.Lower]. It is exact except for events with values in the fields leftOut that are not indexed because they
// are too long or malformed.
func (v View) lower(x spl.Expr, fields mapping.Fields) (where condition.Expr, exact bool, leftOut []condition.LeftOut, diags diag.List) {
	l := lowerer{view: v, fields: fields, exact: true}
	var of condition.Or
	for _, s := range v.Sources {
		if s.Shape == fieldmap.CIM {
			// It is not exact if a field is missing or long; rows are tested again.
			up, down := l.self(s, true), l.self(s, false)
			l.filters = append(l.filters, sides{up, down})
			of = append(of, up)
			continue
		}
		filter, faults := membership.Condition(s.Source, fields, v.slot)
		if filter == nil {
			return nil, false, nil, append(l.diags, faults...)
		}
		l.filters = append(l.filters, sides{filter, filter})
		of = append(of, filter)
	}
	l.guarded = len(v.Sources) < 2 && (v.Model != "" || v.guards(x))
	where = condition.Const(true)
	if x != nil {
		where = l.expr(x, true)
	}
	if v.Model != "" && len(of) > 0 {
		where = condition.And{of, where}
	}
	slices.SortFunc(l.leftOut, func(a, b condition.LeftOut) int {
		return cmp.Or(cmp.Compare(a.Field, b.Field), cmp.Compare(a.Ignored, b.Ignored))
	})
	return condition.Simplify(where), l.exact, slices.Compact(l.leftOut), l.diags
}

type lowerer struct {
	view    View
	fields  mapping.Fields
	filters []sides
	// guarded is set if there is one source, and every event that is found belongs to it.
	guarded bool
	exact   bool
	// leftOut are the events that are let in for a value which the index leaves out.
	leftOut []condition.LeftOut
	diags   diag.List
}

// sides are two forms of a filter: up matches at least the right events, down at most. They are equal if it is exact.
type sides struct{ up, down condition.Expr }

func (s sides) of(up bool) condition.Expr {
	if up {
		return s.up
	}
	return s.down
}

// self lowers the condition by which events in the shape CIM belong to a source.
func (l *lowerer) self(s Source, up bool) condition.Expr {
	if s.self == nil {
		return condition.Const(true)
	}
	plain := lowerer{view: View{enforced: l.view.enforced, slot: l.view.slot}, fields: l.fields, exact: true}
	x := plain.expr(s.self, up)
	l.exact = l.exact && plain.exact
	l.leftOut = append(l.leftOut, plain.leftOut...)
	l.diags = append(l.diags, plain.diags...)
	return x
}

// guards reports whether a condition matches only events of the view's sources.
func (v View) guards(x spl.Expr) bool {
	switch x := x.(type) {
	case *spl.And:
		return slices.ContainsFunc(x.Xs, v.guards)
	case *spl.Or:
		return !slices.ContainsFunc(x.Xs, func(x spl.Expr) bool { return !v.guards(x) })
	}
	return slices.ContainsFunc(v.Sources, func(s Source) bool { return s.asked(x) })
}

// wider stands for a test that cannot be made. With up it matches all events, otherwise none.
func (l *lowerer) wider(up bool) condition.Expr {
	l.exact = false
	return condition.Const(up)
}

func (l *lowerer) expr(x spl.Expr, up bool) condition.Expr {
	switch x := x.(type) {
	case *spl.Every:
		return condition.Const(true)
	case *spl.And:
		return condition.And(l.all(x.Xs, up))
	case *spl.Or:
		return condition.Or(l.all(x.Xs, up))
	case *spl.Not:
		return condition.Not{X: l.expr(x.X, !up)}
	case *spl.Compare:
		return l.test(x.Field.Text, x.Op, x.Value, up)
	case *spl.In:
		var one condition.Or
		for _, v := range x.Values {
			one = append(one, l.test(x.Field.Text, "=", v, up))
		}
		return one
	}
	return l.wider(up)
}

func (l *lowerer) all(xs []spl.Expr, up bool) []condition.Expr {
	out := make([]condition.Expr, len(xs))
	for i, x := range xs {
		out[i] = l.expr(x, up)
	}
	return out
}

// letIn notes that events are let in for a value that the index leaves out.
func (l *lowerer) letIn(x condition.LeftOut) condition.LeftOut {
	l.leftOut = append(l.leftOut, x)
	return x
}

// test is a test on what a name means: on fields, and on what indices do not map.
func (l *lowerer) test(name, op string, v spl.Value, up bool) condition.Expr {
	e, hidden := l.fieldTest(name, op, v, up), l.hidden(name)
	switch {
	case len(hidden) == 0:
		return e
	case up:
		return append(condition.Or{e}, hidden...)
	}
	return condition.And{e, condition.Not{X: hidden}}
}

// hidden is true of the events that may have a value under a name which their index does not map. Where all events
// are of sources that stand for whole indices, those have nothing but what the map says.
func (l *lowerer) hidden(name string) condition.Or {
	if l.view.alone() {
		return nil
	}
	var out condition.Or
	for _, f := range l.view.where(name) {
		for _, n := range f.Names {
			drop, note := mapping.Hidden(l.fields, n)
			drop = slices.DeleteFunc(drop, l.view.keeps) // their events have all below one field
			if len(drop) > 0 {
				l.exact = false
				out = append(out, condition.LeftOut{Field: n, Unmapped: strings.Join(drop, ",")})
			}
			for end := len(n); note && end > 0; end = strings.LastIndexByte(n[:end], '.') {
				if _, mapped := l.fields.Field(n[:end]); !mapped { // an index may note what the value is in
					out = append(out, l.letIn(condition.LeftOut{Field: n, Ignored: n[:end]}))
				}
			}
		}
	}
	return out
}

// fieldTest is a test on the fields that a name means.
func (l *lowerer) fieldTest(name, op string, v spl.Value, up bool) condition.Expr {
	var one condition.Or
	if l.view.selectors[name] {
		for i, s := range l.view.Sources {
			if s.named(name, v) && op == "=" {
				one = append(one, l.filters[i].of(up))
			}
		}
		if op != "=" {
			return l.wider(up)
		}
	}
	places := 0
	plain := true
	var mapped []mapping.Field
	words := map[string]map[string]string{}
	for _, f := range l.view.where(name) {
		for _, n := range f.Names {
			for _, field := range l.view.values(n, l.fields) {
				places++
				plain = plain && (!f.Base || n == fieldmap.Bare(name))
				mapped = append(mapped, field)
				words[field.Name] = f.Values
			}
		}
	}
	if places > 1 || !plain || places == 1 && !l.guarded && mapped[0].Name != fieldmap.Bare(name) {
		// Which field the row's value comes from depends on the event and its source. The last part of a path is not
		// indexed at all.
		l.exact = false
		if !up {
			return condition.Const(false)
		}
		if op != "=" || !plain || differ(mapped) {
			for _, f := range mapped {
				one = append(one, condition.Exists{Field: f.Name})
				if mayLeaveOut(f, f.Type.Family(), "!=", v) {
					one = append(one, l.letIn(condition.LeftOut{Field: f.Name, Ignored: f.Ignored()}))
				}
			}
			return l.completed(name, op, v, mapped, one)
		}
	}
	for _, f := range mapped {
		one = append(one, l.worded(f, words[f.Name], op, v, up))
	}
	return l.completed(name, op, v, mapped, one)
}

// worded lowers a test of a field whose values are translated to words of a data model.
func (l *lowerer) worded(f mapping.Field, words map[string]string, op string, v spl.Value, up bool) condition.Expr {
	if len(words) == 0 {
		return l.leaf(f, op, v, up)
	}
	if f.Type.Family() != mapping.FamilyString && f.Type.Family() != mapping.FamilyUnknown {
		l.exact = false
		if up {
			return condition.Exists{Field: f.Name}
		}
		return condition.Const(false)
	}
	// It matches values whose word passes the test, and values without a word that pass it themselves.
	holds := splunk.Holds(op, v)
	var passes, all condition.Or
	for _, value := range slices.Sorted(maps.Keys(words)) {
		is := condition.Term{Field: f.Name, Value: value, Fold: true}
		all = append(all, is)
		if holds(splunk.Text(words[value])) {
			passes = append(passes, is)
		}
	}
	l.exact = false // a field with several values may have both
	if !up {
		return condition.And{condition.Or{passes, l.leaf(f, op, v, up)}, condition.Not{X: all}}
	}
	return condition.Or{passes, l.leaf(f, op, v, up)}
}

// differ reports whether a name occurs with several types. A test for one type may not be valid for the others.
func differ(list []mapping.Field) bool {
	for i, f := range list {
		if slices.ContainsFunc(list[:i], func(g mapping.Field) bool { return g.Name == f.Name }) {
			return true
		}
	}
	return false
}

// completed includes events that lack the field, if the default value of the data model passes the test.
func (l *lowerer) completed(name, op string, v spl.Value, mapped []mapping.Field, one condition.Or) condition.Expr {
	usual, ok := splunk.Completed(l.view.Model, l.view.Dataset, name)
	if l.view.Model == "" || !ok || !splunk.Holds(op, v)(usual) {
		return one
	}
	var none condition.And
	for _, f := range mapped {
		none = append(none, condition.Not{X: condition.Exists{Field: f.Name}})
	}
	return append(one, none)
}

// leaf lowers a test of one field.
func (l *lowerer) leaf(f mapping.Field, op string, v spl.Value, up bool) condition.Expr {
	family := f.Type.Family()
	if family == mapping.FamilyText && f.Exact != "" {
		if exact, ok := l.fields.Field(f.Exact); ok {
			f, family = exact, exact.Type.Family()
		}
	}
	if f.Keyed && mayLeaveOut(f, family, op, v) {
		return l.wider(up) // a flattened field does not record which values are too long
	}
	e := l.indexed(f, family, op, v, up)
	if mayLeaveOut(f, family, op, v) {
		// The row has the value, and will be tested again.
		in := l.letIn(condition.LeftOut{Field: f.Name, Ignored: f.Ignored()})
		if up {
			e = condition.Or{e, in}
		}
	}
	return e
}

// mayLeaveOut reports whether a value that is not indexed, because it is too long or malformed, could pass the test.
func mayLeaveOut(f mapping.Field, family mapping.Family, op string, v spl.Value) bool {
	if f.Constant != nil || f.Nested != "" {
		return false
	}
	network := strings.Contains(v.Text, "/") && isNetwork(v.Text)
	one := op == "=" && !strings.Contains(v.Text, "*") && (!network || family == mapping.FamilyIP)
	switch family {
	case mapping.FamilyString:
		return f.IgnoreAbove > 0 && (!one || mapping.UTF16Len(v.Text) > f.IgnoreAbove)
	case mapping.FamilyInteger, mapping.FamilyFloat:
		_, number := literal(v.Text)
		return !one || !number
	case mapping.FamilyBoolean:
		return true // TRUE is malformed to Elasticsearch
	case mapping.FamilyDate:
		return true
	case mapping.FamilyIP:
		_, ok := f.Index(v.Text)
		return !one || !ok && !network
	default:
		return false
	}
}

// indexed lowers a test to the indexed values of a field.
func (l *lowerer) indexed(f mapping.Field, family mapping.Family, op string, v spl.Value, up bool) condition.Expr {
	switch {
	case f.Nested != "" || family == mapping.FamilyOther || family == mapping.FamilyObject:
		return l.wider(up)
	case family == mapping.FamilyText || family == mapping.FamilyDate:
		l.exact = false
		if up {
			return condition.Exists{Field: f.Name}
		}
		return condition.Const(false)
	case op == "=" && v.Text == "*":
		return condition.Exists{Field: f.Name}
	case op == "=":
		if e := equal(f, family, v); e != nil {
			return e
		}
	case family.IsNumber() && op != "!=":
		if n, ok := literal(v.Text); ok {
			return condition.Compared(f.Name, op, n)
		}
	}
	return residual(f, op, v)
}

// equal returns a test for a value; nil if Query DSL has none.
func equal(f mapping.Field, family mapping.Family, v spl.Value) condition.Expr {
	star := strings.Contains(v.Text, "*")
	switch family {
	case mapping.FamilyString, mapping.FamilyUnknown:
		switch {
		case v.Exact && star, !isASCII(v.Text), f.Normalizer != "" && f.Normalizer != "lowercase", strings.Contains(v.Text, "/") && isNetwork(v.Text):
			return nil
		case star:
			return condition.Wildcard{Field: f.Name, Pattern: pattern.Replace(v.Text), Fold: true}
		}
		return condition.Term{Field: f.Name, Value: v.Text, Fold: !v.Exact}
	case mapping.FamilyInteger, mapping.FamilyFloat:
		if star {
			return nil
		}
		n, ok := literal(v.Text)
		if !ok {
			return condition.Const(false)
		}
		return condition.Compared(f.Name, "=", n)
	case mapping.FamilyBoolean:
		switch strings.ToLower(v.Text) {
		case "true":
			return condition.Term{Field: f.Name, Value: true}
		case "false":
			return condition.Term{Field: f.Name, Value: false}
		}
		if !star {
			return condition.Const(false)
		}
	case mapping.FamilyIP:
		if _, err := condition.ParseNetwork(v.Text); err == nil {
			return condition.CIDR{Field: f.Name, Networks: []string{v.Text}}
		}
		if !star {
			return condition.Const(false)
		}
	default:
	}
	return nil
}

func isNetwork(s string) bool {
	_, err := condition.ParseNetwork(s)
	return err == nil
}

// pattern escapes the characters of a pattern that are special in conditions, but not in Splunk.
var pattern = strings.NewReplacer(`\`, `\\`, `?`, `\?`)

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// literal parses a number for conditions.
func literal(s string) (any, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	x, ok := splunk.Text(s).Float()
	return x, ok
}

// residual returns a test that is made in memory, for each value.
func residual(f mapping.Field, op string, v spl.Value) condition.Expr {
	holds := splunk.Holds(op, v)
	return condition.Residual{
		Text:   f.Name + " " + op + " " + v.String(),
		Fields: []string{f.Name}, Required: []string{f.Name},
		Holds: func(row []*mapping.Value) bool { return row[0] != nil && holds(valueOf(f, *row[0])) },
	}
}

// valueOf returns a value in the form of rows.
func valueOf(f mapping.Field, v mapping.Value) splunk.Value {
	switch f.Type.Family() {
	case mapping.FamilyInteger:
		return splunk.Text(strconv.FormatInt(v.Whole, 10))
	case mapping.FamilyFloat:
		return splunk.Text(splunk.Number(v.Number).String())
	case mapping.FamilyBoolean:
		return splunk.Text(strconv.FormatBool(v.Bool))
	default:
		return splunk.Text(v.Text())
	}
}
