package kql

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"tocsin/internal/diag"
)

// CodeSyntax marks text that is not KQL.
const CodeSyntax = "kql/syntax"

// maxDepth bounds the nesting of groups, so that no query can exhaust the stack.
const maxDepth = 200

// Parse parses a query. It stops at the first syntax error, reported in the text's file; the query
// is then nil.
func Parse(text diag.Text) (*Query, diag.List) {
	fail := func(at int, message string) (*Query, diag.List) {
		_, size := utf8.DecodeRuneInString(text.Value[at:])
		return nil, diag.List{text.Report(diag.Error, CodeSyntax, diag.Span{Start: at, End: at + size}, "%s", message)}
	}
	if bad := invalidAt(text.Value); bad >= 0 {
		return fail(bad, "the query is not valid UTF-8")
	}
	p := parser{scanner: scanner{src: text.Value}}
	p.blank()
	where := p.or()
	p.blank()
	switch {
	case p.tooDeep > 0:
		return fail(p.tooDeep, "the query is nested too deeply")
	case !p.end():
		return fail(p.farthest, p.message()+symbolAdvice(text.Value))
	}
	return &Query{where}, nil
}

// inQuotes matches quoted values.
var inQuotes = regexp.MustCompile(`"(?:\\.|[^"\\])*"`)

// symbolAdvice says what to write for && and || in a query with a syntax error; "" without them.
func symbolAdvice(src string) string {
	src = inQuotes.ReplaceAllString(src, "")
	for symbol, word := range map[string]string{"&&": "and", "||": "or"} {
		if strings.Contains(src, " "+symbol+" ") {
			return " (" + symbol + " is no operator in KQL: write " + word + ")"
		}
	}
	return ""
}

// invalidAt returns the offset of the first byte that is not UTF-8, -1 when all are.
func invalidAt(s string) int {
	for i, r := range s {
		if _, size := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && size == 1 {
			return i
		}
	}
	return -1
}

// parser is a recursive-descent parser. A method that does not match returns nil and leaves the
// position unchanged.
type parser struct {
	scanner

	depth int
	// tooDeep is where the nesting limit was exceeded; 0 when it was not.
	tooDeep int
}

func (p *parser) or() Node  { return p.joined("or", p.and) }
func (p *parser) and() Node { return p.joined("and", p.not) }
func (p *parser) not() Node { return p.negated(p.sub) }

// joined parses one or more members with the same operator between them.
func (p *parser) joined(op string, member func() Node) Node {
	first := member()
	if first == nil {
		return nil
	}
	members := []Node{first}
	for {
		back := p.pos
		if !p.word(op) {
			break
		}
		next := member()
		if next == nil {
			p.pos = back
			break
		}
		members = append(members, next)
	}
	if len(members) == 1 {
		return first
	}
	return &Logic{op, members}
}

func (p *parser) negated(operand func() Node) Node {
	start := p.pos
	if !p.word("not") {
		return operand()
	}
	if x := operand(); x != nil {
		return &Not{x, diag.Span{Start: start, End: x.Pos().End}}
	}
	p.pos = start
	return nil
}

func (p *parser) sub() Node {
	if n := p.group("(", p.or, ")"); n != nil {
		return n
	}
	return p.test()
}

// group parses content between two brackets.
func (p *parser) group(opening string, content func() Node, closing string) Node {
	start := p.pos
	if !p.accept(opening) {
		return nil
	}
	if p.depth == maxDepth {
		p.tooDeep, p.pos = start, start
		return nil
	}
	p.depth++
	defer func() { p.depth-- }()
	p.blank()
	if n := content(); n != nil {
		p.blank()
		if p.accept(closing) {
			return n
		}
	}
	p.pos = start
	return nil
}

// test parses a value with its field, or a value alone.
func (p *parser) test() Node {
	start := p.pos
	if field := p.value("fieldName"); field != nil {
		p.blank()
		if n := p.ofField(field); n != nil {
			return n
		}
	}
	p.pos = start
	if v := p.value("value"); v != nil {
		return &Is{Value: v}
	}
	return nil
}

// ofField parses the part after a field's name.
func (p *parser) ofField(field *Value) Node {
	for _, op := range []string{"<=", ">=", "<", ">"} {
		if p.accept(op) {
			p.blank()
			if v := p.value("literal"); v != nil {
				return &Range{field, op, v}
			}
			return nil
		}
	}
	if !p.accept(":") {
		return nil
	}
	p.blank()
	if x := p.group("{", p.or, "}"); x != nil {
		return &Nested{field, x, diag.Span{Start: field.Span.Start, End: p.pos}}
	}
	return p.list(field)
}

// list parses one value, or several in parentheses with operators between them.
func (p *parser) list(field *Value) Node {
	and := func() Node {
		return p.joined("and", func() Node { return p.negated(func() Node { return p.list(field) }) })
	}
	if n := p.group("(", func() Node { return p.joined("or", and) }, ")"); n != nil {
		return n
	}
	if v := p.value("value"); v != nil {
		return &Is{field, v}
	}
	return nil
}
