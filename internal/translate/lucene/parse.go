package lucene

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"tocsin/internal/diag"
)

// CodeSyntax marks text that is not Lucene's syntax.
const CodeSyntax = "lucene/syntax"

// maxDepth bounds the nesting of groups, so that no query can exhaust the stack.
const maxDepth = 200

// Parse parses a query. It stops at the first syntax error, reported in the text's file; the query
// is then nil.
func Parse(text diag.Text) (*Query, diag.List) {
	q, err := parse(text.Value)
	if err != nil {
		return nil, diag.List{text.Report(diag.Error, CodeSyntax, err.span, "%s", err.text)}
	}
	return q, nil
}

func parse(src string) (*Query, *syntaxError) {
	if bad := invalidAt(src); bad >= 0 {
		return nil, &syntaxError{diag.Span{Start: bad, End: bad + 1}, "the query is not valid UTF-8"}
	}
	if strings.Trim(src, javaBlanks) == "" {
		return &Query{}, nil
	}
	tokens, lexErr := lex(src)
	p := parser{tokens: tokens, lexErr: lexErr}
	where := p.list()
	if p.peek().kind != tokEOF || lexErr != nil {
		p.unexpected("an operator or the end of the query")
	}
	if p.err != nil {
		return nil, p.err
	}
	return &Query{where}, nil
}

// javaBlanks are the characters that Java trims.
var javaBlanks = func() string {
	var b strings.Builder
	for r := rune(0); r <= ' '; r++ {
		b.WriteRune(r)
	}
	return b.String()
}()

// invalidAt returns the offset of the first byte that is not UTF-8, -1 when all are.
func invalidAt(s string) int {
	for i, r := range s {
		if _, size := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && size == 1 {
			return i
		}
	}
	return -1
}

// parser is a recursive-descent parser with three tokens of lookahead, as in Lucene. After an
// error, its methods return nil.
type parser struct {
	tokens []token
	pos    int
	depth  int
	err    *syntaxError
	// lexErr is the error at the end of the tokens.
	lexErr *syntaxError
}

func (p *parser) peek() token { return p.ahead(0) }

func (p *parser) ahead(n int) token { return p.tokens[min(p.pos+n, len(p.tokens)-1)] }

func (p *parser) accept(kinds ...tokenKind) (token, bool) {
	t := p.peek()
	if !slices.Contains(kinds, t.kind) || t.kind == tokEOF {
		return t, false
	}
	p.pos++
	return t, true
}

func (p *parser) fail(err *syntaxError) {
	if p.err == nil {
		p.err = err
	}
}

func (p *parser) unexpected(wanted string) {
	t := p.peek()
	if t.kind == tokEOF && p.lexErr != nil {
		p.fail(p.lexErr)
		return
	}
	found := "the query ends"
	if t.kind != tokEOF {
		found = strconv.Quote(t.text) + " stands"
	}
	p.fail(&syntaxError{t.span, found + " where " + wanted + " is expected"})
}

// list parses clauses up to a token that begins none.
func (p *parser) list() *List {
	l := &List{}
	for p.err == nil && (len(l.Clauses) == 0 || p.beginsClause()) {
		if text := p.words(); text != nil {
			l.Clauses = append(l.Clauses, Clause{X: text})
			continue
		}
		l.Clauses = append(l.Clauses, p.clause(len(l.Clauses) == 0))
	}
	return l
}

func (p *parser) beginsClause() bool {
	switch p.peek().kind {
	case tokEOF, tokClose, tokColon, tokCaret, tokNumber, tokFuzzy, tokRangeTo, tokBound, tokQuotedEnd, tokEndIn, tokEndEx:
		return false
	default:
		return true
	}
}

// words parses several words in a row as one text. A word with modifiers is not part of it. It
// returns nil for a single word.
func (p *parser) words() *Test {
	n := 0
	for p.ahead(n).kind == tokTerm && (n == 0 || p.isPlain(n)) {
		n++
	}
	if n < 2 {
		return nil
	}
	first, last := p.peek(), p.ahead(n-1)
	texts := make([]string, n)
	for i := range n {
		texts[i] = p.unescaped(p.ahead(i))
	}
	p.pos += n
	return &Test{Kind: Word, Text: strings.Join(texts, " "), Span: first.span.To(last.span)}
}

// isPlain reports whether the word n tokens ahead has no modifiers.
func (p *parser) isPlain(n int) bool {
	switch p.ahead(n + 1).kind {
	case tokColon, tokStar, tokFuzzy, tokCaret, tokAnd, tokOr:
		return false
	default:
		return true
	}
}

func (p *parser) unescaped(t token) string {
	text, err := unescape(t)
	if err != nil {
		p.fail(err)
	}
	return text
}

func (p *parser) clause(first bool) Clause {
	var c Clause
	if !first {
		if t, ok := p.accept(tokAnd, tokOr); ok {
			c.Conj = map[tokenKind]Conj{tokAnd: ConjAnd, tokOr: ConjOr}[t.kind]
		}
	}
	if t, ok := p.accept(tokPlus, tokMinus, tokNot); ok {
		c.Mod = ModProhibited
		if t.kind == tokPlus {
			c.Mod = ModRequired
		}
	}
	c.X = p.node()
	return c
}

// node parses a group, a range or a test, with its field.
func (p *parser) node() Node {
	start := p.peek().span
	var field *Field
	if name := p.peek(); (name.kind == tokTerm || name.kind == tokStar) && p.ahead(1).kind == tokColon {
		field = &Field{p.unescaped(name), name.span}
		p.pos += 2
	}
	switch p.peek().kind {
	case tokOpen:
		return p.group(field, start)
	case tokRangeIn, tokRangeEx:
		return p.rangeOf(field, start)
	default:
		return p.test(field, start)
	}
}

func (p *parser) group(field *Field, start diag.Span) Node {
	if p.depth == maxDepth {
		p.fail(&syntaxError{p.peek().span, "the query is nested too deeply"})
		return nil
	}
	p.depth++
	defer func() { p.depth-- }()
	p.pos++
	g := &Group{Field: field, List: p.list()}
	end, closed := p.accept(tokClose)
	if !closed {
		p.unexpected(`an operator or ")"`)
		return nil
	}
	g.Span = start.To(end.span)
	g.Boost = p.boost()
	return g
}

// boost parses an optional ^ and number.
func (p *parser) boost() string {
	if _, ok := p.accept(tokCaret); !ok {
		return ""
	}
	number, ok := p.accept(tokNumber)
	if !ok {
		p.unexpected("a number")
	}
	return number.text
}

func (p *parser) test(field *Field, start diag.Span) Node {
	t, ok := p.accept(tokTerm, tokSign, tokQuoted, tokPrefix, tokWild, tokStar, tokRegexp)
	if !ok {
		p.unexpected("a word, a phrase, a range or a group")
		return nil
	}
	n := &Test{Field: field, Boost: p.boost()}
	fuzzy, isFuzzy := p.accept(tokFuzzy)
	if n.Boost == "" && isFuzzy {
		n.Boost = p.boost()
	}
	if n.Text = p.unescaped(t); p.err != nil {
		return nil
	}
	switch t.kind {
	case tokSign:
		n.Kind = Sign
	case tokQuoted:
		n.Kind, n.Text = Phrase, n.Text[1:len(n.Text)-1]
	case tokPrefix:
		n.Kind, n.Text = Prefix, n.Text[:len(n.Text)-1]
	case tokWild:
		n.Kind, n.Text = Wildcard, t.text
	case tokStar:
		n.Kind = Star
	case tokRegexp:
		n.Kind, n.Text = Regexp, t.text[1:len(t.text)-1]
	default:
	}
	n.Span = start.To(t.span)
	if isFuzzy {
		n.Fuzzy = fuzzy.text
		p.checkFuzzy(n.Kind, fuzzy)
	}
	return n
}

// checkFuzzy rejects invalid distances. They have no effect except on words.
func (p *parser) checkFuzzy(kind Kind, t token) {
	text := strings.ToUpper(t.text[1:])
	if kind != Word && kind != Sign || text == "" || text == "AUTO" {
		return
	}
	x, err := strconv.ParseFloat(strings.TrimRight(text, "FD"), 64)
	if err != nil || x != 0 && x != 1 && x != 2 {
		p.fail(&syntaxError{t.span, "the distance of a fuzzy word is 0, 1, 2 or AUTO"})
	}
}

func (p *parser) rangeOf(field *Field, start diag.Span) Node {
	opening, _ := p.accept(tokRangeIn, tokRangeEx)
	low := p.bound()
	if _, ok := p.accept(tokRangeTo); !ok {
		p.unexpected("TO")
		return nil
	}
	high := p.bound()
	closing, ok := p.accept(tokEndIn, tokEndEx)
	if !ok {
		p.unexpected(`"]" or "}"`)
		return nil
	}
	return &Range{
		Field: field, LowIn: opening.kind == tokRangeIn, HighIn: closing.kind == tokEndIn,
		Boost: p.boost(), Low: p.unescaped(low), High: p.unescaped(high), Span: start.To(closing.span),
	}
}

// bound removes the quotes of a bound. An error within it counts only once the range is complete.
func (p *parser) bound() token {
	t, ok := p.accept(tokBound, tokQuotedEnd, tokRangeTo)
	if !ok {
		p.unexpected("a bound")
	}
	if t.kind == tokQuotedEnd {
		t.text = t.text[1 : len(t.text)-1]
		t.span = diag.Span{Start: t.span.Start + 1, End: t.span.End - 1}
	}
	return t
}
