package eql

import (
	"maps"
	"slices"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// booleanCall lowers a call in the place of a condition.
func (l *lowerer) booleanCall(c *Call) condition.Expr {
	k, ok := l.callKind(c)
	switch {
	case !ok:
		return condition.Const(false)
	case k != kindBoolean && k != kindUnknown:
		return l.fail(c.Span, CodeType, "Condition expression needs to be boolean, found [%s]", upper(k))
	case !l.networks(c):
		return condition.Const(false)
	}
	if n, ok := l.folded(c); !ok {
		return condition.Const(false)
	} else if literal, isConstant := n.(*Literal); isConstant {
		return truth(literal.Value)
	}
	if e, pushed := l.pushedCall(c); pushed {
		return e
	}
	return l.residual(c)
}

// pushedCall lowers a call on a field and constants to Query DSL, if possible.
func (l *lowerer) pushedCall(c *Call) (condition.Expr, bool) {
	f := functions[lower(c.Name)]
	field, isField := c.Args[0].(*Field)
	if f.pushed == nil || !isField {
		return nil, false
	}
	var values []string
	for _, arg := range c.Args[1:] {
		if !isConstant(arg) {
			return nil, false
		}
		n, ok := l.folded(arg)
		if !ok {
			return condition.Const(false), true
		}
		literal, _ := n.(*Literal)
		text, isText := literal.Value.(string)
		if !isText {
			return nil, true // null in, null out
		}
		values = append(values, text)
	}
	return l.onField(field, func(resolved mapping.Field) condition.Expr {
		return f.pushed(resolved.Name, c.Fold, values)
	}), true
}

// networks checks the constants of cidrMatch.
func (l *lowerer) networks(c *Call) bool {
	if lower(c.Name) != "cidrmatch" {
		return true
	}
	for _, arg := range c.Args[1:] {
		n, ok := l.folded(arg)
		if !ok {
			return false
		}
		literal, _ := n.(*Literal)
		if text, isText := literal.Value.(string); isText {
			if _, err := condition.ParseNetwork(text); err != nil {
				l.fail(arg.Pos(), CodeType, "[%s] is not a network in CIDR notation", text)
				return false
			}
		}
	}
	return true
}

// residual makes a test that is evaluated in memory, for each combination of the fields' values.
// Without fields it is a constant.
func (l *lowerer) residual(n Node) condition.Expr {
	if _, ok := l.kind(n); !ok {
		return condition.Const(false)
	}
	columns := map[string]int{}
	var fields []mapping.Field
	names := map[string]string{}
	for _, name := range (&Query{Event: &EventQuery{Any: true, Where: n}}).Names("") {
		f, state := l.resolve(fieldNamed(n, name))
		switch state {
		case failed:
			return condition.Const(false)
		case mapped:
			columns[name] = len(fields)
			names[name] = f.Name
			fields = append(fields, f)
		case constantNull:
		}
	}
	run, err := assembler{columns}.node(n)
	if err != nil {
		return l.fail(n.Pos(), CodeType, "%v", err)
	}
	if len(fields) == 0 {
		v, err := run(nil)
		if err != nil {
			return l.fail(n.Pos(), CodeType, "%v", err)
		}
		return truth(v)
	}
	r := condition.Residual{Text: Print(n), Holds: holds(run, fields)}
	for _, f := range fields {
		r.Fields = append(r.Fields, f.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(strict(n))) {
		if exact, ok := names[name]; ok {
			r.Required = append(r.Required, exact)
		}
	}
	return r
}

// holds evaluates the program for one combination. If it cannot be computed (a text that is not a
// number, a division by zero) the test is false: one odd value must not stop a rule.
func holds(run program, fields []mapping.Field) func([]*mapping.Value) bool {
	return func(row []*mapping.Value) bool {
		values := make([]scalar, len(row))
		for i, v := range row {
			if v != nil {
				values[i] = scalarOf(fields[i], *v)
			}
		}
		result, err := run(values)
		return err == nil && result == true
	}
}

// fieldNamed returns the node of a field in an expression; optional if one of its occurrences is.
func fieldNamed(n Node, name string) *Field {
	found := &Field{Name: name, Span: n.Pos()}
	first := true
	visitFields(n, func(f *Field) {
		if f.Name != name {
			return
		}
		if first {
			found.Span, first = f.Span, false
		}
		found.Optional = found.Optional || f.Optional
	})
	return found
}

// strict returns the fields that make the expression null, and so false, in a document without
// them.
func strict(n Node) map[string]bool {
	switch n := n.(type) {
	case *Field:
		return map[string]bool{n.Name: true}
	case *Negative:
		return strict(n.X)
	case *Not:
		return strict(n.X)
	case *In:
		return strict(n.X)
	case *Match:
		return strict(n.X)
	case *Arithmetic:
		return union(strict(n.X), strict(n.Y))
	case *Comparison:
		if isNullLiteral(n.X) || isNullLiteral(n.Y) {
			return nil
		}
		return union(strict(n.X), strict(n.Y))
	case *Call:
		out := map[string]bool{}
		f := functions[lower(n.Name)]
		for i, arg := range n.Args {
			if !f.parameter(i).nullable {
				out = union(out, strict(arg))
			}
		}
		return out
	}
	return nil
}

func union(a, b map[string]bool) map[string]bool {
	out := maps.Clone(a)
	if out == nil {
		out = map[string]bool{}
	}
	maps.Copy(out, b)
	return out
}
