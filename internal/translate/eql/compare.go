package eql

import (
	"cmp"
	"strings"

	"tocsin/internal/condition"
	"tocsin/internal/diag"
	"tocsin/internal/mapping"
)

// mirrored gives the operator that means the same with its operands exchanged.
var mirrored = map[string]string{"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

func (l *lowerer) comparison(n *Comparison) condition.Expr {
	x, op, y := n.X, n.Op, n.Y
	if _, ok := x.(*Literal); ok {
		x, op, y = y, mirrored[op], x
	}
	literal, ok := y.(*Literal)
	if !ok {
		return l.compareNonLiteral(n)
	}
	switch x := x.(type) {
	case *Literal:
		return foldComparison(literal, op, x) // both were literals: x and y are exchanged
	case *Field:
		return l.compareField(x, op, literal)
	case *Arithmetic, *Negative:
		return l.fail(x.Pos(), CodeUnsupported, "arithmetic on fields is not supported yet")
	}
	return l.compareCondition(x, op, literal)
}

func (l *lowerer) compareNonLiteral(n *Comparison) condition.Expr {
	if f, ok := n.Y.(*Field); ok {
		return l.fail(f.Span, CodeType, "Comparisons against fields are not (currently) supported; offender [%s] in [%s]", f.Name, n.Op)
	}
	return l.fail(n.Y.Pos(), CodeUnsupported, "comparing with an expression is not supported yet")
}

// compareCondition handles `startsWith(…) == true` and the like.
func (l *lowerer) compareCondition(x Node, op string, y *Literal) condition.Expr {
	want, isBool := y.Value.(bool)
	if !isBool || op != "==" && op != "!=" {
		if c, ok := x.(*Call); ok && y.Value != nil && booleanFunctions[strings.ToLower(c.Name)] == nil {
			return l.booleanCall(c) // reports what the function is
		}
		return l.fail(x.Pos().To(y.Span), CodeUnsupported, "comparing the result of an expression with [%s] is not supported yet", Print(y))
	}
	c := l.condition(x)
	if want == (op == "==") {
		return c
	}
	return not(c)
}

func (l *lowerer) compareField(n *Field, op string, y *Literal) condition.Expr {
	if y.Value == nil {
		return l.nullTest(n, op)
	}
	switch op {
	case "==":
		return l.equal(n, y)
	case "!=":
		return not(l.equal(n, y))
	}
	f, value, state := l.operands(n, y)
	switch {
	case state == constantNull:
		return nil
	case state == failed:
		return condition.Const(false)
	case f.Type.Family() == mapping.FamilyBoolean:
		return l.fail(n.Span.To(y.Span), CodeType, "first argument of [%s %s %s] must be numeric, date, ip, version or keyword, found [boolean]", n.Name, op, Print(y))
	}
	r := condition.Range{Field: f.Name}
	switch op {
	case "<":
		r.Lt = value
	case "<=":
		r.Lte = value
	case ">":
		r.Gt = value
	case ">=":
		r.Gte = value
	}
	return r
}

// nullTest lowers field == null. Ordering against null is null.
func (l *lowerer) nullTest(n *Field, op string) condition.Expr {
	if op != "==" && op != "!=" {
		return nil
	}
	f, state := l.lookup(n)
	var isNull condition.Expr
	switch state {
	case constantNull:
		isNull = condition.Const(true)
	case failed:
		return condition.Const(false)
	case mapped:
		isNull = condition.Not{X: condition.Exists{Field: f.Name}}
	}
	if op == "!=" {
		return not(isNull)
	}
	return isNull
}

// equal lowers field == literal. An unmapped optional field equals nothing: false, not null, so
// that != holds for every document.
func (l *lowerer) equal(n *Field, y *Literal) condition.Expr {
	f, value, state := l.operands(n, y)
	if state != mapped {
		return condition.Const(false)
	}
	return condition.Term{Field: f.Name, Value: value}
}

// operands resolves the field and checks that the literal can be a value of its type.
func (l *lowerer) operands(n *Field, y *Literal) (mapping.Field, any, fieldState) {
	f, state := l.resolve(n)
	if state != mapped {
		return f, nil, state
	}
	if !fits(f.Type, y.Value) {
		l.fail(y.Span, CodeType, "2nd argument of the comparison with [%s] must be [%s], found value [%s] type [%s]",
			n.Name, f.Type, Print(y), strings.ToLower(typeName(y.Value)))
		return f, nil, failed
	}
	return f, y.Value, mapped
}

// fits reports whether a literal can be a value of a type.
func fits(t mapping.Type, value any) bool {
	text, isString := value.(string)
	_, isBool := value.(bool)
	switch t.Family() {
	case mapping.FamilyString, mapping.FamilyVersion:
		return isString
	case mapping.FamilyInteger, mapping.FamilyFloat:
		return !isString && !isBool
	case mapping.FamilyBoolean:
		return isBool
	case mapping.FamilyIP:
		_, err := condition.ParseNetwork(text)
		return isString && err == nil
	case mapping.FamilyDate:
		return !isBool
	}
	return true
}

// foldComparison evaluates a comparison of two constants: nil when it is null.
func foldComparison(x *Literal, op string, y *Literal) condition.Expr {
	op = mirrored[op] // the caller exchanged them
	if x.Value == nil || y.Value == nil {
		return foldNull(x.Value == nil && y.Value == nil, op)
	}
	order, comparable := compareLiterals(x.Value, y.Value)
	switch op {
	case "==":
		return condition.Const(comparable && order == 0)
	case "!=":
		return condition.Const(!comparable || order != 0)
	}
	if !comparable {
		return condition.Const(false)
	}
	switch op {
	case "<":
		return condition.Const(order < 0)
	case "<=":
		return condition.Const(order <= 0)
	case ">":
		return condition.Const(order > 0)
	}
	return condition.Const(order >= 0)
}

func foldNull(both bool, op string) condition.Expr {
	switch op {
	case "==":
		return condition.Const(both)
	case "!=":
		return condition.Const(!both)
	}
	return nil
}

func compareLiterals(x, y any) (int, bool) {
	switch a := x.(type) {
	case string:
		b, ok := y.(string)
		return strings.Compare(a, b), ok
	case bool:
		b, ok := y.(bool)
		if a == b {
			return 0, ok
		}
		return 1, ok
	case int64:
		if b, ok := y.(int64); ok {
			return cmp.Compare(a, b), true
		}
	}
	a, okA := toFloat(x)
	b, okB := toFloat(y)
	return cmp.Compare(a, b), okA && okB
}

func toFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// in lowers field in (constants). Null elements never match.
func (l *lowerer) in(n *In) condition.Expr {
	field, ok := n.X.(*Field)
	if !ok {
		return l.fail(n.X.Pos(), CodeUnsupported, "in on anything but a field is not supported yet")
	}
	f, state := l.resolve(field)
	var values []any
	for _, v := range n.Values {
		literal, ok := v.(*Literal)
		if !ok {
			return l.fail(v.Pos(), CodeType, "Comparisons against fields are not (currently) supported; offender [%s] in [in]", Print(v))
		}
		if literal.Value == nil {
			continue
		}
		if state == mapped && !fits(f.Type, literal.Value) {
			l.fail(literal.Span, CodeType, "2nd argument of [%s in …] must be [%s], found value [%s] type [%s]",
				field.Name, f.Type, Print(literal), strings.ToLower(typeName(literal.Value)))
		}
		values = append(values, literal.Value)
	}
	if state == constantNull {
		return nil
	}
	expr := l.oneOf(n, f, values)
	if n.Negated {
		return not(expr)
	}
	return expr
}

func (l *lowerer) oneOf(n *In, f mapping.Field, values []any) condition.Expr {
	if !n.Fold {
		return condition.Terms{Field: f.Name, Values: values}
	}
	var members condition.Or
	for i, v := range values {
		if _, ok := v.(string); !ok {
			return l.fail(n.Values[i].Pos(), CodeType, "in~ needs strings, found [%v]", v)
		}
		members = append(members, condition.Term{Field: f.Name, Value: v, Fold: true})
	}
	return l.strings(f, n.X.Pos(), "in~", members)
}

// strings admits an expression only on fields whose values are strings.
func (l *lowerer) strings(f mapping.Field, at diag.Span, what string, e condition.Expr) condition.Expr {
	switch f.Type.Family() {
	case mapping.FamilyString, mapping.FamilyUnknown:
		return e
	}
	return l.fail(at, CodeType, "first argument of [%s] must be [string], found value [%s] type [%s]", what, f.Name, f.Type)
}
