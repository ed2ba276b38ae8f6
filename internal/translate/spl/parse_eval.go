package spl

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/match/pcre"
)

// expression parses an expression of where and eval: NOT binds before AND, AND before OR, OR before XOR.
func (p *parser) expression() Node {
	if !p.deeper() {
		return &Field{}
	}
	defer func() { p.depth-- }()
	return p.chain([]string{"XOR"}, func() Node {
		return p.chain([]string{"OR"}, func() Node { return p.chain([]string{"AND"}, p.negation) })
	})
}

// chain parses operands that are joined by one of the words, from left to right.
func (p *parser) chain(words []string, operand func() Node) Node {
	x := operand()
	for !p.failed {
		op := ""
		for _, w := range words {
			if p.evalWord(w) {
				op = w
			}
		}
		if op == "" {
			break
		}
		x = &Binary{op, x, operand()}
	}
	return x
}

// evalWord parses an operator word, in any case.
func (p *parser) evalWord(word string) bool {
	p.blank()
	end := p.pos + len(word)
	if end > len(p.src) || !strings.EqualFold(p.src[p.pos:end], word) || end < len(p.src) && (isLetter(p.src[end]) || isDigit(p.src[end])) {
		return false
	}
	p.pos = end
	return true
}

func (p *parser) negation() Node {
	p.blank()
	start := p.pos
	if !p.evalWord("NOT") && !p.bang() {
		return p.relation()
	}
	if !p.deeper() {
		return &Field{}
	}
	defer func() { p.depth-- }()
	x := p.negation()
	return &Unary{"NOT", x, diag.Span{Start: start, End: x.Pos().End}}
}

// bang parses !, an alternative form of NOT.
func (p *parser) bang() bool {
	return !strings.HasPrefix(p.src[p.pos:], "!=") && p.accept("!")
}

func (p *parser) relation() Node {
	x := p.concat()
	for !p.failed {
		if op := p.compareOp(); op != "" {
			x = &Binary{op, x, p.concat()}
			continue
		}
		back := p.pos
		negated := p.evalWord("NOT")
		switch {
		case p.evalWord("LIKE"):
			// A call after an operand would be a mistake, so this is the operator.
			y := p.concat()
			x = p.negate(negated, &Binary{"LIKE", x, y})
		case p.evalWord("IN"):
			x = p.negate(negated, p.member(x))
		default:
			p.pos = back
			return x
		}
	}
	return x
}

func (p *parser) negate(negated bool, x Node) Node {
	if negated {
		return &Unary{"NOT", x, x.Pos()}
	}
	return x
}

func (p *parser) member(x Node) Node {
	p.want("(")
	m := &Member{X: x, List: p.arguments()}
	m.Span = x.Pos().To(diag.Span{Start: p.pos, End: p.pos})
	if len(m.List) == 0 {
		p.fail(m.Span, "the list is empty")
	}
	return m
}

// concat parses operands joined by dots, sum operands joined by + and -, and product the other operators.
func (p *parser) concat() Node { return p.signs(".", p.sum) }

func (p *parser) sum() Node { return p.signs("+-", p.product) }

func (p *parser) product() Node { return p.signs("*/%", p.sign) }

func (p *parser) signs(ops string, operand func() Node) Node {
	x := operand()
	for !p.failed {
		c := p.peek()
		if c == 0 || strings.IndexByte(ops, c) < 0 {
			break
		}
		p.pos++
		x = &Binary{string(c), x, operand()}
	}
	return x
}

func (p *parser) sign() Node {
	p.blank()
	start := p.pos
	switch {
	case p.accept("-"):
		if !p.deeper() {
			return &Field{}
		}
		defer func() { p.depth-- }()
		x := p.sign()
		return &Unary{"-", x, diag.Span{Start: start, End: x.Pos().End}}
	case p.accept("+"):
		if !p.deeper() {
			return &Field{}
		}
		defer func() { p.depth-- }()
		return p.sign()
	}
	return p.operand()
}

func (p *parser) operand() Node {
	c := p.peek()
	start := p.pos
	switch {
	case c == '(':
		p.pos++
		x := p.expression()
		p.want(")")
		return x
	case c == '[':
		s := p.subsearch()
		return &SubValue{s, diag.Span{Start: start, End: p.pos}}
	case c == '"':
		text, span, ok := p.quoted()
		if !ok {
			p.fail(span, "the quotes do not end")
		}
		return &Text{text, span}
	case c == '\'':
		text, span, ok := p.quoted()
		if !ok {
			p.fail(span, "the quotes do not end")
		}
		return &Field{text, span}
	case isDigit(c) || c == '.' && start+1 < len(p.src) && isDigit(p.src[start+1]):
		return p.number()
	case isLetter(c) || c == '<' || c == '$' || c == '@':
		return p.fieldOrCall()
	}
	p.fail(p.here(), "expected an expression%s", p.instead())
	return &Field{}
}

// number parses a number, or a name that starts with a digit.
func (p *parser) number() Node {
	start := p.pos
	for p.pos < len(p.src) && (isDigit(p.src[p.pos]) || p.src[p.pos] == '.' && p.pos+1 < len(p.src) && isDigit(p.src[p.pos+1])) {
		p.pos++
	}
	span := diag.Span{Start: start, End: p.pos}
	if p.pos < len(p.src) && isLetter(p.src[p.pos]) {
		if exponent := p.exponent(); exponent == 0 {
			for p.pos < len(p.src) && (isLetter(p.src[p.pos]) || isDigit(p.src[p.pos])) {
				p.pos++
			}
			span.End = p.pos
			return &Field{p.src[start:p.pos], span}
		}
		span.End = p.pos
	}
	text := p.src[start:p.pos]
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		p.fail(span, "%s is no number", text)
	}
	return &Number{n, text, span}
}

// exponent skips e5 or E-5 and returns its length.
func (p *parser) exponent() int {
	i := p.pos
	if p.src[i]|0x20 != 'e' {
		return 0
	}
	i++
	if i < len(p.src) && (p.src[i] == '-' || p.src[i] == '+') {
		i++
	}
	digits := i
	for i < len(p.src) && isDigit(p.src[i]) {
		i++
	}
	if i == digits || i < len(p.src) && isLetter(p.src[i]) {
		return 0
	}
	n := i - p.pos
	p.pos = i
	return n
}

// fieldOrCall parses a field name or a call. As in Splunk, a dot concatenates, except in a quoted name. <<FIELD>>
// is a name.
func (p *parser) fieldOrCall() Node {
	start := p.pos
	for p.pos < len(p.src) {
		c := p.src[p.pos]
		if strings.HasPrefix(p.src[p.pos:], "<<") {
			if end := strings.Index(p.src[p.pos:], ">>"); end > 0 {
				p.pos += end + 2
				continue
			}
		}
		if !isLetter(c) && !isDigit(c) && c != '{' && c != '}' && c != '$' && c != ':' && c != '@' && c != '#' {
			break
		}
		p.pos++
	}
	span := diag.Span{Start: start, End: p.pos}
	name := p.src[start:p.pos]
	if name == "" {
		p.fail(p.here(), "expected an expression")
		return &Field{}
	}
	if p.peek() != '(' {
		p.pos = span.End
		return &Field{name, span}
	}
	p.pos++
	call := &Call{Name: strings.ToLower(name), Args: p.arguments()}
	call.Span = diag.Span{Start: start, End: p.pos}
	p.checkCall(call, span)
	return call
}

// arguments parses expressions up to the closing parenthesis.
func (p *parser) arguments() []Node {
	var args []Node
	for !p.failed {
		if p.accept(")") {
			return args
		}
		if len(args) > 0 && !p.want(",") {
			return args
		}
		if p.peek() == ')' && len(args) > 0 {
			p.fail(p.here(), "expected an expression after the comma")
		}
		args = append(args, p.expression())
	}
	return args
}

// checkCall reports an unknown function or a wrong number of arguments.
func (p *parser) checkCall(c *Call, name diag.Span) {
	a, known := functions[c.Name]
	n := len(c.Args)
	switch {
	case p.failed:
	case !known:
		p.unsupported(name, "the function %s is not supported", c.Name)
	case n < a.least || a.most >= 0 && n > a.most || a.pairs && (n-a.least)%2 != 0:
		p.fail(c.Span, "%s takes %s, not %d", c.Name, a, n)
	default:
		p.checkConstants(c)
	}
}

// checkConstants reports invalid constant patterns and networks.
func (p *parser) checkConstants(c *Call) {
	for i, arg := range c.Args {
		text, ok := arg.(*Text)
		if !ok || i != 1 && c.Name != "cidrmatch" {
			continue
		}
		switch c.Name {
		case "match", "replace", "mvfind":
			if _, err := pcre.Compile(text.Value); err != nil {
				p.badPattern(text.Span, err)
			}
		case "relative_time":
			if _, err := ParseRelative(text.Value); err != nil {
				p.diags = append(p.diags, p.source.Report(diag.Warning, CodeValue, text.Span, "%v: relative_time has no value", err))
			}
		case "cidrmatch":
			if i == 0 {
				if _, err := netip.ParsePrefix(text.Value); err != nil {
					p.badPattern(text.Span, fmt.Errorf("%q is no network in CIDR notation", text.Value))
				}
			}
		}
	}
}
