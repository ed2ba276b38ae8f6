package eql

import (
	"cmp"
	"strings"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// mirrored maps an operator to its equivalent with exchanged operands.
var mirrored = map[string]string{"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

func (l *lowerer) comparison(n *Comparison) condition.Expr {
	x, okX := l.operand(n.X)
	y, okY := l.operand(n.Y)
	if !okX || !okY {
		return condition.Const(false)
	}
	op := n.Op
	if _, ok := x.(*Literal); ok {
		x, op, y = y, mirrored[op], x
	}
	literal, ok := y.(*Literal)
	if !ok {
		return l.fail(y.Pos(), CodeType, "Comparisons against fields are not (currently) supported; offender [%s] in [%s]", l.source(y), n.Op)
	}
	switch x := x.(type) {
	case *Literal:
		return truth(compareOrNull(op, x.Value, literal.Value))
	case *Field:
		return l.compareField(x, op, literal)
	}
	if want, isBool := literal.Value.(bool); isBool && (op == "==" || op == "!=") && isCondition(x) {
		c := l.condition(x)
		if want == (op == "==") {
			return c
		}
		return not(c)
	}
	return l.residual(&Comparison{op, x, y, n.OpSpan})
}

// operand folds a constant; an optional field that no index maps is the constant null.
func (l *lowerer) operand(n Node) (Node, bool) {
	if f, ok := n.(*Field); ok && f.Optional {
		if _, isMapped := l.fields.Field(f.Name); !isMapped {
			return &Literal{nil, f.Span}, true
		}
	}
	return l.folded(n)
}

// isCondition reports whether a node is syntactically a condition, so that comparing it with true
// or false needs no value.
func isCondition(n Node) bool {
	switch n := n.(type) {
	case *Comparison, *In, *Match, *Not, *Logic:
		return true
	case *Call:
		f := functions[strings.ToLower(n.Name)]
		return f == nil || f.result == kindBoolean
	}
	return false
}

// compareOrNull compares two constants; a literal null makes it a null test.
func compareOrNull(op string, x, y scalar) scalar {
	if x == nil || y == nil {
		return compareNull(op, x, y, true)
	}
	return compareScalars(op, x, y)
}

// truth turns a three-valued result into a condition.
func truth(v scalar) condition.Expr {
	if b, ok := v.(bool); ok {
		return condition.Const(b)
	}
	return nil
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
	return condition.Compared(f.Name, op, value)
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

// operands resolves the field and checks that the literal is valid for its type.
func (l *lowerer) operands(n *Field, y *Literal) (mapping.Field, any, fieldState) {
	f, state := l.resolve(n)
	if state != mapped {
		return f, nil, state
	}
	if !fits(f.Type, y.Value) {
		l.fail(y.Span, CodeType, "2nd argument of the comparison with [%s] must be [%s], found value [%s] type [%s]",
			n.Name, f.Type, l.source(y), kindOfLiteral(y.Value))
		return f, nil, failed
	}
	return f, literalOf(f, y.Value), mapped
}

// literalOf returns a literal as a search on the field uses it. For text fields a decimal becomes
// its text, as Java writes it: 1.0 is not 1.
func literalOf(f mapping.Field, value any) any {
	x, isFloat := value.(float64)
	if family := f.Type.Family(); isFloat && (family == mapping.FamilyString || family == mapping.FamilyText) {
		return javaDouble(x)
	}
	return value
}

// fits reports whether a literal is valid for a type.
func fits(t mapping.Type, value any) bool {
	text, isString := value.(string)
	_, isBool := value.(bool)
	switch t.Family() {
	case mapping.FamilyString:
		return true // numbers and booleans are compared by their text
	case mapping.FamilyVersion:
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
	default:
		return true
	}
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
	case moment:
		b, ok := y.(moment)
		return time.Time(a).Compare(time.Time(b)), ok
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

// in lowers x in (constants). Null elements never match.
func (l *lowerer) in(n *In) condition.Expr {
	values, ok := l.inValues(n)
	if !ok {
		return condition.Const(false)
	}
	x, ok := l.folded(n.X)
	if !ok {
		return condition.Const(false)
	}
	field, isField := x.(*Field)
	if !isField {
		return l.residual(&In{x, values, n.Negated, n.Fold, n.Span})
	}
	return l.onField(field, func(f mapping.Field) condition.Expr {
		expr := l.oneOf(n, field, f, values)
		if n.Negated {
			return not(expr)
		}
		return expr
	})
}

// inValues folds the list, which must be constant.
func (l *lowerer) inValues(n *In) ([]Node, bool) {
	var values []Node
	for _, v := range n.Values {
		folded, ok := l.folded(v)
		if !ok {
			return nil, false
		}
		literal, ok := folded.(*Literal)
		if !ok {
			l.fail(v.Pos(), CodeType, "Comparisons against fields are not (currently) supported; offender [%s] in [%s]", l.source(v), l.source(n))
			return nil, false
		}
		if literal.Value != nil {
			values = append(values, literal)
		}
	}
	return values, true
}

func (l *lowerer) oneOf(n *In, field *Field, f mapping.Field, values []Node) condition.Expr {
	var members condition.Or
	var list []any
	for _, v := range values {
		value := v.(*Literal).Value //nolint:forcetypeassert // inValues made them
		if !fits(f.Type, value) {
			return l.fail(v.Pos(), CodeType, "2nd argument of [%s] must be [%s], found value [%s] type [%s]",
				l.source(n), f.Type, l.source(v), kindOfLiteral(value))
		}
		value = literalOf(f, value)
		list = append(list, value)
		members = append(members, condition.Term{Field: f.Name, Value: value, Fold: true})
	}
	if n.Fold {
		return l.strings(f, field.Span, l.source(n), members)
	}
	return condition.Terms{Field: f.Name, Values: list}
}

// strings allows an expression only on fields whose values are strings.
func (l *lowerer) strings(f mapping.Field, at diag.Span, what string, e condition.Expr) condition.Expr {
	switch f.Type.Family() {
	case mapping.FamilyString, mapping.FamilyUnknown:
		return e
	default:
	}
	return l.fail(at, CodeType, "first argument of [%s] must be [string], found value [%s] type [%s]", what, f.Name, f.Type)
}
