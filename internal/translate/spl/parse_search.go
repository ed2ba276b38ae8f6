package spl

import (
	"strings"

	"tocsin/internal/diag"
)

// condition parses a search condition, nil if there is none. OR binds before the implicit AND between terms.
func (p *parser) condition(until ...string) Expr {
	var members []Expr
	for !p.failed && !p.conditionEnd(until) {
		if len(members) > 0 {
			p.operator("AND")
		}
		members = append(members, p.or(until))
	}
	switch len(members) {
	case 0:
		return nil
	case 1:
		return members[0]
	}
	return &And{members}
}

func (p *parser) conditionEnd(until []string) bool {
	return p.stageEnd() || p.peek() == ')' || p.isKeyword(until...)
}

// operator parses AND, OR or NOT, which must be in upper case.
func (p *parser) operator(word string) bool {
	p.blank()
	end := p.pos + len(word)
	if !strings.HasPrefix(p.src[p.pos:], word) || end < len(p.src) && !isBlank(p.src[end]) && p.src[end] != '(' && p.src[end] != '[' && p.src[end] != '"' {
		return false
	}
	p.pos = end
	return true
}

func (p *parser) or(until []string) Expr {
	members := []Expr{p.not(until)}
	for !p.failed && p.operator("OR") {
		members = append(members, p.not(until))
	}
	if len(members) == 1 {
		return members[0]
	}
	return &Or{members}
}

func (p *parser) not(until []string) Expr {
	p.blank()
	start := p.pos
	if !p.operator("NOT") {
		return p.test(until)
	}
	if !p.deeper() {
		return &Every{}
	}
	defer func() { p.depth-- }()
	if p.emptyGroup() {
		return &Not{&Every{}, diag.Span{Start: start, End: p.pos}}
	}
	x := p.not(until)
	return &Not{x, diag.Span{Start: start, End: x.Pos().End}}
}

// emptyGroup parses ( ), which follows NOT if a subsearch has no results.
func (p *parser) emptyGroup() bool {
	back := p.pos
	if p.accept("(") && p.accept(")") {
		return true
	}
	p.pos = back
	return false
}

// test parses a group, a subsearch, a comparison or a term.
func (p *parser) test(until []string) Expr {
	start := p.here()
	switch p.peek() {
	case '(':
		if !p.deeper() {
			return &Every{}
		}
		defer func() { p.depth-- }()
		p.pos++
		x := p.condition()
		p.want(")")
		if x == nil {
			p.fail(start, "the parentheses are empty")
			return &Every{}
		}
		return x
	case '[':
		s := p.subsearch()
		return &Subsearch{s, diag.Span{Start: start.Start, End: p.pos}}
	case 0, '|', ']', ')':
		p.fail(start, "expected a condition%s", p.instead())
		return &Every{}
	}
	if p.isKeyword(until...) {
		p.fail(start, "expected a condition")
		return &Every{}
	}
	return p.comparison()
}

// termEnd are the characters that end an unquoted word where a field may be.
const termEnd = " \t\r\n,()[]|=<>!\""

func (p *parser) comparison() Expr {
	field, quoted := p.subject()
	if p.failed {
		return &Every{}
	}
	back := p.pos
	if op := p.compareOp(); op != "" {
		p.blank()
		if p.peek() == '[' {
			s := p.subsearch()
			return &SubCompare{field, op, s, diag.Span{Start: field.Span.Start, End: p.pos}}
		}
		v := p.value(false)
		if p.failed {
			return &Every{}
		}
		return &Compare{field, op, v}
	}
	negated := p.keyword("NOT")
	if p.keyword("IN") && p.peek() == '(' {
		in := &In{Field: field, Values: p.list()}
		in.Span = diag.Span{Start: field.Span.Start, End: p.pos}
		if negated {
			return &Not{in, in.Span}
		}
		return in
	}
	p.pos = back
	if !quoted {
		switch {
		case field.Text == "*":
			return &Every{Span: field.Span}
		case (field.Text == "TERM" || field.Text == "CASE") && p.peek() == '(':
			return p.directive(field)
		}
	}
	p.pos = field.Span.Start
	return &Term{p.value(false)}
}

// subject parses the word before an operator. Without an operator it is a term.
func (p *parser) subject() (Name, bool) {
	if p.peek() == '"' || p.peek() == '\'' {
		back := p.pos
		text, span, ok := p.quoted()
		switch {
		case ok:
			return Name{text, span}, true
		case p.src[back] == '"':
			p.fail(span, "the quotes do not end")
			return Name{}, true
		}
		p.pos = back
	}
	text, span := p.word(termEnd)
	switch {
	case text != "":
	case p.stageEnd():
		p.fail(p.here(), "expected a word%s", p.instead())
	default:
		p.fail(p.here(), "unexpected %c", p.peek())
	}
	return Name{text, span}, false
}

func (p *parser) compareOp() string {
	p.blank()
	for _, op := range []string{"!=", "==", "<=", ">=", "=", "<", ">"} {
		if p.accept(op) {
			if op == "==" {
				return "="
			}
			return op
		}
	}
	return ""
}

// value parses a value: adjacent quoted and unquoted parts.
func (p *parser) value(inList bool) Value {
	end := " \t\r\n()[]|\""
	if inList {
		end += ","
	}
	p.blank()
	v := Value{Quoted: p.pos < len(p.src) && p.src[p.pos] == '"'}
	start := p.pos
	var b strings.Builder
	for !p.failed && p.pos < len(p.src) {
		if p.src[p.pos] == '"' {
			text, span, ok := p.quoted()
			if !ok {
				p.fail(span, "the quotes do not end")
			}
			b.WriteString(text)
			continue
		}
		if p.pos > start && strings.HasPrefix(p.src[p.pos:], "()") {
			b.WriteString("()") // As in *GetCurrent()*: a group is never empty.
			p.pos += 2
			continue
		}
		if strings.IndexByte(end, p.src[p.pos]) >= 0 {
			break
		}
		text, _ := p.word(end)
		b.WriteString(unescape(text, '"'))
	}
	v.Text, v.Span = b.String(), diag.Span{Start: start, End: p.pos}
	if !inList && !v.Quoted {
		// A comma after a word separates it from the next.
		v.Text = strings.TrimRight(v.Text, ",")
	}
	switch {
	case p.failed:
	case v.Span.Start == v.Span.End:
		p.fail(p.here(), "expected a value%s", p.instead())
	case !v.Quoted && v.Text == "CASE" && p.peek() == '(':
		p.pos++
		inner := p.value(true)
		p.want(")")
		return Value{inner.Text, inner.Quoted, true, diag.Span{Start: start, End: p.pos}}
	}
	return v
}

// list parses (a, "b" c).
func (p *parser) list() []Value {
	open := p.here()
	p.want("(")
	var values []Value
	for p.separator(); !p.failed && p.peek() != ')'; p.separator() {
		values = append(values, p.value(true))
	}
	p.want(")")
	if len(values) == 0 {
		p.fail(open, "the list is empty")
	}
	return values
}

// directive parses TERM(word) and CASE(word).
func (p *parser) directive(name Name) Expr {
	p.want("(")
	v := p.value(true)
	p.want(")")
	v.Exact = name.Text == "CASE"
	v.Span = diag.Span{Start: name.Span.Start, End: p.pos}
	return &Term{v}
}

func parseFind(p *parser, start int) Stage {
	x := p.condition()
	return &Find{p.at(start), x}
}

// ParseCondition parses a condition outside of a file, such as the argument of searchmatch.
func ParseCondition(text string) (Expr, error) {
	src := &Source{Text: diag.NewText("condition", text), Value: text}
	p := parser{scanner: scanner{src: text}, source: src}
	x := p.condition()
	if !p.failed && p.peek() != 0 {
		p.fail(p.here(), "unexpected %c", p.peek())
	}
	return x, p.diags.Err()
}
