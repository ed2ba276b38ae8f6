package eql

import "strings"

func upper(k kind) string { return strings.ToUpper(string(k)) }

// kind checks an expression and everything in it, and returns the kind of its value; false after
// an error was reported.
func (l *lowerer) kind(n Node) (kind, bool) {
	switch n := n.(type) {
	case *Literal:
		return kindOfLiteral(n.Value), true
	case *Field:
		f, state := l.resolve(n)
		return kindOfField(f), state != failed
	case *Call:
		return l.callKind(n)
	case *Negative:
		return l.numeric(n, n.X)
	case *Arithmetic:
		return l.numeric(n, n.X, n.Y)
	case *Comparison:
		return l.comparisonKind(n)
	case *In:
		return kindBoolean, l.allKinds(append([]Node{n.X}, n.Values...)...)
	case *Match:
		return l.matchKind(n)
	case *Not:
		return l.booleanKind(n.X)
	case *Logic:
		return l.booleanKind(n.Xs...)
	}
	return kindUnknown, false
}

func (l *lowerer) allKinds(nodes ...Node) bool {
	all := true
	for _, n := range nodes {
		_, ok := l.kind(n)
		all = all && ok
	}
	return all
}

// numeric requires numbers; the result is whole when all of them are.
func (l *lowerer) numeric(whole Node, operands ...Node) (kind, bool) {
	result := kindLong
	for i, x := range operands {
		k, ok := l.kind(x)
		if !ok {
			return kindUnknown, false
		}
		if !wantNumber.accepts(k) {
			l.fail(x.Pos(), CodeType, "%s argument of [%s] must be [numeric], found value [%s] type [%s]", ordinals[i], l.source(whole), l.source(x), k)
			return kindUnknown, false
		}
		if !k.isInteger() {
			result = kindDouble
		}
	}
	return result, true
}

// comparisonKind requires two comparable kinds.
func (l *lowerer) comparisonKind(n *Comparison) (kind, bool) {
	x, okX := l.kind(n.X)
	y, okY := l.kind(n.Y)
	if !okX || !okY {
		return kindUnknown, false
	}
	if !comparableKinds(x, y) {
		l.fail(n.Y.Pos(), CodeType, "2nd argument of [%s] must be [%s], found value [%s] type [%s]", l.source(n), x, l.source(n.Y), y)
		return kindUnknown, false
	}
	return kindBoolean, true
}

func comparableKinds(x, y kind) bool {
	switch {
	case x == y, x == kindUnknown, y == kindUnknown, x == kindNull, y == kindNull:
		return true
	case x.isNumber() || y.isNumber():
		return x.isNumber() && y.isNumber()
	case x == kindString || y == kindString:
		return x != kindBoolean && y != kindBoolean // dates, addresses and versions are written as strings
	}
	return false
}

func (l *lowerer) matchKind(n *Match) (kind, bool) {
	k, ok := l.kind(n.X)
	if !ok {
		return kindUnknown, false
	}
	if !wantString.accepts(k) {
		l.fail(n.X.Pos(), CodeType, "first argument of [%s] must be [string], found value [%s] type [%s]", l.source(n), l.source(n.X), k)
		return kindUnknown, false
	}
	return kindBoolean, true
}

func (l *lowerer) booleanKind(nodes ...Node) (kind, bool) {
	for _, n := range nodes {
		k, ok := l.kind(n)
		if !ok {
			return kindUnknown, false
		}
		if !wantBoolean.accepts(k) {
			l.fail(n.Pos(), CodeType, "Condition expression needs to be boolean, found [%s]", upper(k))
			return kindUnknown, false
		}
	}
	return kindBoolean, true
}

// isConstant reports whether an expression mentions no field.
func isConstant(n Node) bool {
	constant := true
	visitFields(n, func(*Field) { constant = false })
	return constant
}

// folded replaces a constant expression by its value; false after an error was reported. It returns
// an expression with fields unchanged.
func (l *lowerer) folded(n Node) (Node, bool) {
	if _, ok := n.(*Literal); ok || !isConstant(n) {
		return n, true
	}
	if _, ok := l.kind(n); !ok {
		return nil, false
	}
	run, err := assembler{}.node(n)
	if err == nil {
		var v scalar
		if v, err = run(nil); err == nil {
			return &Literal{v, n.Pos()}, true
		}
	}
	l.fail(n.Pos(), CodeType, "%v", err)
	return nil, false
}

// Fold evaluates an expression without fields; nil is null.
func Fold(n Node) (any, error) {
	run, err := assembler{}.node(n)
	if err != nil {
		return nil, err
	}
	return run(nil)
}
