package esql

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"tocsin/internal/diag"
)

type kind int

const (
	word   kind = iota // a name, keyword or number
	quoted             // a name in backticks; its text is without them
	text               // a string; its text is without quotes and escapes
	open               // ( [ {
	closed             // ) ] }
	other              // any other single character
)

type token struct {
	kind kind
	text string
	span diag.Span
	// depth is the number of brackets around it; an opening bracket and its closing one count
	// themselves.
	depth int
}

// is reports whether the token is that word, in any case.
func (t token) is(w string) bool { return t.kind == word && strings.EqualFold(t.text, w) }

// mark reports whether the token is that character and not a string.
func (t token) mark(c string) bool {
	return (t.kind == other || t.kind == open || t.kind == closed) && t.text == c
}

// lexer splits a query into tokens. It does not know the lexical modes of ES|QL, in which names
// have other characters after FROM than after WHERE: a name is a sequence of tokens without blanks.
type lexer struct {
	text   diag.Text
	src    string
	pos    int
	tokens []token
	// nested holds the open brackets.
	nested []token
	diags  diag.List
}

func (l *lexer) fail(s diag.Span, format string, args ...any) {
	l.diags = append(l.diags, l.text.Report(diag.Error, CodeSyntax, s, format, args...))
}

func lex(text diag.Text) ([]token, diag.List) {
	l := &lexer{text: text, src: text.Value}
	for l.pos < len(l.src) {
		l.next()
	}
	for _, o := range l.nested {
		l.fail(o.span, "%s is not closed", o.text)
	}
	return l.tokens, l.diags
}

var closing = map[string]string{"(": ")", "[": "]", "{": "}"}

func (l *lexer) next() {
	rest := l.src[l.pos:]
	r, size := utf8.DecodeRuneInString(rest)
	switch {
	case unicode.IsSpace(r):
		l.pos += size
	case strings.HasPrefix(rest, "//"):
		end := strings.IndexByte(rest, '\n')
		if end < 0 {
			end = len(rest)
		}
		l.pos += end
	case strings.HasPrefix(rest, "/*"):
		l.comment()
	case strings.HasPrefix(rest, `"""`):
		l.triple()
	case r == '"':
		l.string()
	case r == '`':
		l.backticks()
	case isWord(r):
		end := strings.IndexFunc(rest, func(r rune) bool { return !isWord(r) })
		if end < 0 {
			end = len(rest)
		}
		l.add(word, rest[:end], end)
	case strings.ContainsRune("([{", r):
		l.add(open, rest[:size], size)
		l.nested = append(l.nested, l.tokens[len(l.tokens)-1])
	case strings.ContainsRune(")]}", r):
		l.close(rest[:size])
	default:
		l.add(other, rest[:size], size)
	}
}

func isWord(r rune) bool {
	return r == '_' || r == '@' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// add adds a token with that many bytes of the source.
func (l *lexer) add(k kind, value string, size int) {
	depth := len(l.nested)
	if k == open {
		depth++
	}
	l.tokens = append(l.tokens, token{k, value, diag.Span{Start: l.pos, End: l.pos + size}, depth})
	l.pos += size
}

func (l *lexer) close(bracket string) {
	here := diag.Span{Start: l.pos, End: l.pos + 1}
	l.add(closed, bracket, 1)
	last := len(l.nested) - 1
	switch {
	case last < 0:
		l.fail(here, "%s closes nothing", bracket)
		return
	case closing[l.nested[last].text] != bracket:
		l.fail(here, "%s stands where %s has to be closed", bracket, l.nested[last].text)
	}
	l.nested = l.nested[:last]
}

// comment skips a comment, which may contain others.
func (l *lexer) comment() {
	start, depth := l.pos, 0
	for l.pos < len(l.src) {
		switch rest := l.src[l.pos:]; {
		case strings.HasPrefix(rest, "/*"):
			depth++
			l.pos += 2
		case strings.HasPrefix(rest, "*/"):
			depth--
			l.pos += 2
			if depth == 0 {
				return
			}
		default:
			l.pos++
		}
	}
	// Elasticsearch ends it at the first end if not every inner comment has its own end.
	if end := strings.LastIndex(l.src[start:], "*/"); end > 0 {
		l.pos = start + end + 2
		return
	}
	l.fail(diag.Span{Start: start, End: start + 2}, "the comment is not closed")
}

// triple scans """raw text""", in which one or two quotes before the closing three belong to the
// text.
func (l *lexer) triple() {
	rest := l.src[l.pos+3:]
	end := strings.Index(rest, `"""`)
	if end < 0 {
		l.fail(diag.Span{Start: l.pos, End: l.pos + 3}, `the string is not closed: """ is missing`)
		l.pos = len(l.src)
		return
	}
	for range 2 {
		if strings.HasPrefix(rest[end+3:], `"`) {
			end++
		}
	}
	l.add(text, rest[:end], end+6)
}

// string scans "text" with escapes, on one line.
func (l *lexer) string() {
	var b strings.Builder
	for i := l.pos + 1; i < len(l.src); i++ {
		switch c := l.src[i]; c {
		case '"':
			l.add(text, b.String(), i+1-l.pos)
			return
		case '\n', '\r':
			l.unclosed(i, `"`)
			return
		case '\\':
			if i++; i < len(l.src) {
				b.WriteByte(unescaped(l.src[i]))
			}
		default:
			b.WriteByte(c)
		}
	}
	l.unclosed(len(l.src), `"`)
}

func unescaped(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

func (l *lexer) unclosed(end int, quote string) {
	l.fail(diag.Span{Start: l.pos, End: end}, "the text is not closed: %s is missing", quote)
	l.pos = end
}

// backticks scans a name in backticks, in which a doubled backtick is one.
func (l *lexer) backticks() {
	var b strings.Builder
	for i := l.pos + 1; i < len(l.src); i++ {
		if l.src[i] != '`' {
			b.WriteByte(l.src[i])
			continue
		}
		if !strings.HasPrefix(l.src[i+1:], "`") {
			l.add(quoted, b.String(), i+1-l.pos)
			return
		}
		b.WriteByte('`')
		i++
	}
	l.unclosed(len(l.src), "`")
}
