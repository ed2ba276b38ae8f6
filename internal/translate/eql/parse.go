package eql

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/diag"
)

// CodeSyntax marks text that is not EQL.
const CodeSyntax = "eql/syntax"

// maxDepth bounds the nesting of expressions, so that no query can exhaust the stack.
const maxDepth = 200

// Parse parses a query. It stops at the first syntax error, reported in the text's file; the query
// is then nil.
func Parse(text diag.Text) (*Query, diag.List) {
	tokens, err := lex(text.Value)
	if err == nil {
		p := parser{src: text.Value, tokens: tokens}
		var q *Query
		if q, err = p.statement(); err == nil {
			return q, nil
		}
	}
	return nil, diag.List{text.Report(diag.Error, CodeSyntax, err.span, "%s", err.text)}
}

// parser is a recursive-descent parser of the tokens; every method stops at the first error.
type parser struct {
	src    string
	tokens []token
	pos    int
	depth  int
}

func (p *parser) peek() token { return p.tokens[p.pos] }

func (p *parser) second() token { return p.tokens[min(p.pos+1, len(p.tokens)-1)] }

func (p *parser) take() token {
	t := p.tokens[p.pos]
	if t.kind != tokEOF {
		p.pos++
	}
	return t
}

func (t token) is(k tokenKind, texts ...string) bool {
	return t.kind == k && slices.Contains(texts, t.text)
}

// accept consumes the next token if it is this symbol or keyword.
func (p *parser) accept(k tokenKind, text string) bool {
	if p.peek().is(k, text) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) expect(k tokenKind, text string) (token, *syntaxError) {
	if t := p.peek(); !t.is(k, text) {
		return t, p.unexpected(text)
	}
	return p.take(), nil
}

// unexpected reports the next token where something else is expected.
func (p *parser) unexpected(want string) *syntaxError {
	t := p.peek()
	found := "the end of the query"
	if t.kind != tokEOF {
		found = fmt.Sprintf("%q", p.src[t.span.Start:t.span.End])
	}
	return &syntaxError{t.span, fmt.Sprintf("expected %s but found %s", want, found)}
}

func failAt(s diag.Span, format string, args ...any) *syntaxError {
	return &syntaxError{s, fmt.Sprintf(format, args...)}
}

func (p *parser) statement() (*Query, *syntaxError) {
	q := &Query{}
	var err *syntaxError
	switch t := p.peek(); {
	case t.is(tokKeyword, "sequence"):
		q.Sequence, err = p.sequence()
	case t.is(tokKeyword, "sample"):
		q.Sample, err = p.sample()
	case t.is(tokKeyword, "join"):
		err = failAt(t.span, "Join command is not supported")
	default:
		q.Event, err = p.eventQuery()
	}
	if err != nil {
		return nil, err
	}
	for p.peek().is(tokSymbol, "|") {
		pipe, err := p.pipe()
		if err != nil {
			return nil, err
		}
		q.Pipes = append(q.Pipes, pipe)
	}
	if p.peek().kind != tokEOF {
		return nil, p.unexpected("an operator, a pipe or the end of the query")
	}
	return q, nil
}

func (p *parser) eventQuery() (*EventQuery, *syntaxError) {
	t := p.take()
	q := &EventQuery{CategorySpan: t.span}
	switch {
	case t.is(tokKeyword, "any"):
		q.Any = true
	case t.kind == tokName, t.kind == tokString:
		q.Category = t.text
	default:
		p.pos = max(0, p.pos-1)
		return nil, p.unexpected("an event category")
	}
	if _, err := p.expect(tokKeyword, "where"); err != nil {
		return nil, err
	}
	var err *syntaxError
	q.Where, err = p.expression()
	return q, err
}

// endgamePipes are the pipes of the older EQL, recognized only by name.
var endgamePipes = []string{"count", "filter", "sort", "unique", "unique_count"}

func (p *parser) pipe() (Pipe, *syntaxError) {
	bar := p.take()
	name := p.peek()
	if name.kind != tokName {
		return Pipe{}, p.unexpected("a pipe's name")
	}
	p.pos++
	switch {
	case slices.Contains(endgamePipes, name.text):
		return Pipe{}, failAt(name.span, "Pipe [%s] is not supported; head and tail are", name.text)
	case name.text != "head" && name.text != "tail":
		return Pipe{}, failAt(name.span, "Unrecognized pipe [%s]; the pipes are head and tail", name.text)
	}
	pipe := Pipe{Name: name.text}
	if t := p.peek(); t.kind != tokEOF && !t.is(tokSymbol, "|") {
		var err *syntaxError
		if pipe.Args, err = p.expressionList(); err != nil {
			return Pipe{}, err
		}
	}
	pipe.Span = diag.Span{Start: bar.span.Start, End: p.lastEnd()}
	return pipe, checkPipe(pipe)
}

// checkPipe requires one non-negative integer.
func checkPipe(pipe Pipe) *syntaxError {
	if len(pipe.Args) != 1 {
		return failAt(pipe.Span, "Pipe [%s] expects exactly one argument but found [%d]", pipe.Name, len(pipe.Args))
	}
	if l, ok := pipe.Args[0].(*Literal); ok {
		if n, ok := l.Value.(int64); ok && n >= 0 {
			return nil
		}
	}
	return failAt(pipe.Args[0].Pos(), "Pipe [%s] expects a positive integer but found [%s]", pipe.Name, Print(pipe.Args[0]))
}

// lastEnd returns the end of the token before the current one.
func (p *parser) lastEnd() int { return p.tokens[max(0, p.pos-1)].span.End }

func (p *parser) expressionList() ([]Node, *syntaxError) {
	var list []Node
	for {
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		list = append(list, e)
		if !p.accept(tokSymbol, ",") {
			return list, nil
		}
	}
}

func (p *parser) integer(what string) (int64, token, *syntaxError) {
	t := p.peek()
	negative := false
	if t.is(tokSymbol, "-") && p.second().kind == tokInteger {
		negative = true
		p.pos++
		t = p.peek()
	}
	if t.kind != tokInteger {
		return 0, t, p.unexpected(what)
	}
	p.pos++
	n, err := strconv.ParseInt(t.text, 10, 64)
	if err != nil {
		return 0, t, failAt(t.span, "%s is out of range", t.text)
	}
	if negative {
		n = -n
	}
	return n, t, nil
}

// unitNames are the time units of maxspan.
var unitNames = []string{"ms", "s", "m", "h", "d"}

func unitList() string { return strings.Join(unitNames, ", ") }
