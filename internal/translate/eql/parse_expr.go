package eql

import (
	"math"
	"strconv"
	"strings"

	"tocsin/internal/diag"
)

func (p *parser) expression() (Node, *syntaxError) { return p.logic("or", p.conjunction) }

func (p *parser) conjunction() (Node, *syntaxError) { return p.logic("and", p.negation) }

// logic parses operands joined by one operator into one flat node.
func (p *parser) logic(op string, operand func() (Node, *syntaxError)) (Node, *syntaxError) {
	first, err := operand()
	if err != nil || !p.peek().is(tokKeyword, op) {
		return first, err
	}
	xs := []Node{first}
	for p.accept(tokKeyword, op) {
		x, err := operand()
		if err != nil {
			return nil, err
		}
		xs = append(xs, x)
	}
	return &Logic{op, xs}, nil
}

// enter counts a level of nesting.
func (p *parser) enter() *syntaxError {
	if p.depth++; p.depth > maxDepth {
		return failAt(p.peek().span, "the expression is nested more than %d levels deep", maxDepth)
	}
	return nil
}

func (p *parser) negation() (Node, *syntaxError) {
	t := p.peek()
	if !t.is(tokKeyword, "not") {
		return p.comparison()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	p.pos++
	x, err := p.negation()
	if err != nil {
		return nil, err
	}
	return &Not{x, t.span.To(x.Pos())}, nil
}

func (p *parser) comparison() (Node, *syntaxError) {
	x, err := p.sum()
	if err != nil {
		return nil, err
	}
	op := p.peek()
	if op.is(tokSymbol, "=") {
		return nil, failAt(op.span, "= is no comparison: write == (or : to ignore case)")
	}
	if !isComparison(op) {
		return x, nil
	}
	p.pos++
	y, err := p.sum()
	if err != nil {
		return nil, err
	}
	if next := p.peek(); isComparison(next) {
		return nil, failAt(next.span, "comparisons cannot be chained: join two of them with and")
	}
	return &Comparison{op.text, x, y, op.span}, nil
}

func isComparison(t token) bool { return t.is(tokSymbol, "==", "!=", "<", "<=", ">", ">=") }

func (p *parser) sum() (Node, *syntaxError) { return p.arithmetic(p.product, "+", "-") }

func (p *parser) product() (Node, *syntaxError) { return p.arithmetic(p.signed, "*", "/", "%") }

func (p *parser) arithmetic(operand func() (Node, *syntaxError), ops ...string) (Node, *syntaxError) {
	x, err := operand()
	for err == nil && p.peek().is(tokSymbol, ops...) {
		op := p.take()
		var y Node
		if y, err = operand(); err == nil {
			x = &Arithmetic{op.text, x, y}
		}
	}
	return x, err
}

func (p *parser) signed() (Node, *syntaxError) {
	t := p.peek()
	if !t.is(tokSymbol, "+", "-") {
		return p.predicate()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	p.pos++
	if n := p.peek(); t.text == "-" && (n.kind == tokInteger || n.kind == tokDecimal) {
		return p.predicateOf(func() (Node, *syntaxError) { return p.numberLiteral(p.take(), t) })
	}
	x, err := p.signed()
	if err != nil || t.text == "+" {
		return x, err
	}
	return negative(x, t.span.To(x.Pos())), nil
}

// negative folds the sign into a number.
func negative(x Node, span diag.Span) Node {
	if l, ok := x.(*Literal); ok {
		switch v := l.Value.(type) {
		case int64:
			if v != math.MinInt64 {
				return &Literal{-v, span}
			}
		case float64:
			return &Literal{-v, span}
		}
	}
	return &Negative{x, span}
}

func (p *parser) predicate() (Node, *syntaxError) { return p.predicateOf(p.primary) }

// predicateOf parses a primary and a following in, like, regex or : operator.
func (p *parser) predicateOf(primary func() (Node, *syntaxError)) (Node, *syntaxError) {
	x, err := primary()
	if err != nil {
		return nil, err
	}
	switch t := p.peek(); {
	case t.is(tokKeyword, "not") && p.second().is(tokKeyword, "in", "in~"):
		p.pos++
		return p.in(x, true)
	case t.is(tokKeyword, "in", "in~"):
		return p.in(x, false)
	case t.is(tokKeyword, "like", "like~", "regex", "regex~"), t.is(tokSymbol, ":"):
		return p.match(x)
	}
	return x, nil
}

func (p *parser) in(x Node, negated bool) (Node, *syntaxError) {
	op := p.take()
	if _, err := p.expect(tokSymbol, "("); err != nil {
		return nil, err
	}
	values, err := p.expressionList()
	if err != nil {
		return nil, err
	}
	end, err := p.expect(tokSymbol, ")")
	if err != nil {
		return nil, err
	}
	return &In{x, values, negated, op.text == "in~", x.Pos().To(end.span)}, nil
}

func (p *parser) match(x Node) (Node, *syntaxError) {
	m := &Match{Op: p.take().text, X: x}
	list := p.accept(tokSymbol, "(")
	for {
		pattern, err := p.constant()
		if err != nil {
			return nil, err
		}
		m.Patterns = append(m.Patterns, pattern)
		if !list || !p.accept(tokSymbol, ",") {
			break
		}
	}
	if list {
		if _, err := p.expect(tokSymbol, ")"); err != nil {
			return nil, err
		}
	}
	m.Span = diag.Span{Start: x.Pos().Start, End: p.lastEnd()}
	return m, nil
}

// constant parses the right side of : like and regex.
func (p *parser) constant() (*Literal, *syntaxError) {
	switch t := p.peek(); {
	case t.kind == tokString:
		p.pos++
		return &Literal{t.text, t.span}, nil
	case t.kind == tokInteger, t.kind == tokDecimal:
		p.pos++
		return p.numberLiteral(t, token{})
	case t.is(tokKeyword, "null"):
		p.pos++
		return &Literal{nil, t.span}, nil
	case t.is(tokKeyword, "true", "false"):
		p.pos++
		return &Literal{t.text == "true", t.span}, nil
	}
	return nil, p.unexpected("a constant")
}

func (p *parser) numberLiteral(t, sign token) (*Literal, *syntaxError) {
	text, span := sign.text+t.text, t.span
	if sign.text != "" {
		span = sign.span.To(t.span)
	}
	if t.kind == tokInteger {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return &Literal{n, span}, nil
		}
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, failAt(span, "Cannot parse number [%s]: it is out of range", text)
	}
	return &Literal{x, span}, nil
}

func (p *parser) primary() (Node, *syntaxError) {
	switch t := p.peek(); {
	case t.kind == tokName && p.second().is(tokSymbol, "("), t.kind == tokTilde:
		return p.call()
	case t.kind == tokName, t.kind == tokQuoted, t.is(tokSymbol, "?"):
		return p.field()
	case t.is(tokSymbol, "("):
		return p.parenthesis()
	case t.kind == tokString, t.kind == tokInteger, t.kind == tokDecimal, t.is(tokKeyword, "null", "true", "false"):
		return p.constant()
	}
	return nil, p.unexpected("a field, a value or a function")
}

func (p *parser) parenthesis() (Node, *syntaxError) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	p.pos++
	x, err := p.expression()
	if err != nil {
		return nil, err
	}
	_, err = p.expect(tokSymbol, ")")
	return x, err
}

func (p *parser) call() (Node, *syntaxError) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	name := p.take()
	c := &Call{Name: name.text, Fold: name.kind == tokTilde, NameSpan: name.span}
	if _, err := p.expect(tokSymbol, "("); err != nil {
		return nil, err
	}
	if !p.peek().is(tokSymbol, ")") {
		args, err := p.expressionList()
		if err != nil {
			return nil, err
		}
		c.Args = args
	}
	end, err := p.expect(tokSymbol, ")")
	c.Span = name.span.To(end.span)
	return c, err
}

// field parses a dotted name; each part may be back-quoted separately.
func (p *parser) field() (Node, *syntaxError) {
	start := p.peek().span
	f := &Field{Optional: p.accept(tokSymbol, "?")}
	var name strings.Builder
	for {
		t := p.peek()
		if t.kind != tokName && t.kind != tokQuoted {
			return nil, p.unexpected("a field name")
		}
		p.pos++
		name.WriteString(t.text)
		if next := p.peek(); next.is(tokSymbol, "[") && p.second().kind == tokInteger {
			return nil, failAt(next.span, "Array indexes are not supported")
		}
		if !p.accept(tokSymbol, ".") {
			f.Name = name.String()
			f.Span = start.To(t.span)
			return f, nil
		}
		name.WriteByte('.')
	}
}
