package eql

import (
	"strings"
	"unicode/utf8"

	"tocsin/internal/diag"
)

type tokenKind int

const (
	tokEOF     tokenKind = iota
	tokName              // identifier
	tokTilde             // identifier with an attached tilde: startsWith~
	tokQuoted            // `identifier`
	tokKeyword           // reserved word, including in~ like~ regex~
	tokString
	tokInteger
	tokDecimal
	tokSymbol // operators and punctuation
)

// token is one word of the query. Text is the word as written, or the value of a string or a
// back-quoted name.
type token struct {
	kind tokenKind
	text string
	span diag.Span
}

// keywords are reserved, in lower case only.
var keywords = map[string]bool{
	"and": true, "any": true, "by": true, "false": true, "in": true, "in~": true, "join": true, "like": true,
	"like~": true, "maxspan": true, "not": true, "null": true, "of": true, "or": true, "regex": true,
	"regex~": true, "sample": true, "sequence": true, "true": true, "until": true, "where": true, "with": true,
}

// symbols, in the order in which they are tried: longer ones first.
var symbols = []string{
	"![", "==", "!=", "<=", ">=", "<", ">", "=", ":", "+", "-", "*", "/", "%", ".", ",", "(", ")", "[", "]", "|", "?",
}

// syntaxError is the first syntax error of a query.
type syntaxError struct {
	span diag.Span
	text string
}

// lex splits the whole query into tokens, the last of them tokEOF.
func lex(src string) ([]token, *syntaxError) {
	l := lexer{src: src, tokens: make([]token, 0, len(src)/6+8)}
	if !utf8.ValidString(src) {
		bad := invalidAt(src)
		return nil, l.fail(bad, bad+1, "the query is not valid UTF-8")
	}
	for {
		if err := l.skipBlank(); err != nil {
			return nil, err
		}
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		l.tokens = append(l.tokens, t)
		if t.kind == tokEOF {
			return l.tokens, nil
		}
	}
}

// invalidAt returns the offset of the first byte that is not UTF-8.
func invalidAt(s string) int {
	for i, r := range s {
		if _, size := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && size == 1 {
			return i
		}
	}
	return len(s)
}

type lexer struct {
	src    string
	pos    int
	tokens []token
}

func (l *lexer) fail(start, end int, text string) *syntaxError {
	return &syntaxError{diag.Span{Start: start, End: end}, text}
}

// skipBlank skips white space and comments; /* */ may nest.
func (l *lexer) skipBlank() *syntaxError {
	for l.pos < len(l.src) {
		rest := l.src[l.pos:]
		switch {
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			l.pos++
		case strings.HasPrefix(rest, "//"):
			if i := strings.IndexByte(rest, '\n'); i >= 0 {
				l.pos += i + 1
			} else {
				l.pos = len(l.src)
			}
		case strings.HasPrefix(rest, "/*"):
			if err := l.skipComment(); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

func (l *lexer) skipComment() *syntaxError {
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
				return nil
			}
		default:
			l.pos++
		}
	}
	return l.fail(start, start+2, "this comment is not closed: */ is missing")
}

func (l *lexer) next() (token, *syntaxError) {
	start := l.pos
	if start == len(l.src) {
		return token{kind: tokEOF, span: diag.Span{Start: start, End: start}}, nil
	}
	switch c := l.src[start]; {
	case isNameStart(c):
		return l.name(), nil
	case isDigit(c), c == '.' && start+1 < len(l.src) && isDigit(l.src[start+1]) && !l.afterName():
		return l.number()
	case c == '"':
		return l.stringToken()
	case c == '`':
		return l.quotedName()
	case c == '\'':
		return token{}, l.fail(start, start+1, "Use double quotes [\"] to define string literals, not single quotes [']")
	case c == '?' && start+1 < len(l.src) && (l.src[start+1] == '"' || l.src[start+1] == '\''):
		return token{}, l.fail(start, start+2, "Use triple double quotes [\"\"\"] to define unescaped string literals, not ["+l.src[start:start+2]+"]")
	}
	for symbol, word := range map[string]string{"&&": "and", "||": "or"} {
		if strings.HasPrefix(l.src[start:], symbol) {
			return token{}, l.fail(start, start+len(symbol), symbol+" is no operator: write "+word)
		}
	}
	for _, s := range symbols {
		if strings.HasPrefix(l.src[start:], s) {
			l.pos += len(s)
			return l.make(tokSymbol, s, start), nil
		}
	}
	_, size := utf8.DecodeRuneInString(l.src[start:])
	return token{}, l.fail(start, start+size, "unexpected character "+strings.ToValidUTF8(l.src[start:start+size], "\uFFFD"))
}

func (l *lexer) make(k tokenKind, text string, start int) token {
	return token{k, text, diag.Span{Start: start, End: l.pos}}
}

// afterName reports whether a dot at the current position continues a field name.
func (l *lexer) afterName() bool {
	if len(l.tokens) == 0 {
		return false
	}
	last := l.tokens[len(l.tokens)-1]
	return (last.kind == tokName || last.kind == tokQuoted) && last.span.End == l.pos
}

func (l *lexer) name() token {
	start := l.pos
	for l.pos < len(l.src) && (isNameStart(l.src[l.pos]) || isDigit(l.src[l.pos])) && (l.pos == start || l.src[l.pos] != '@') {
		l.pos++
	}
	word := l.src[start:l.pos]
	if l.pos < len(l.src) && l.src[l.pos] == '~' {
		l.pos++
		if keywords[word+"~"] {
			return l.make(tokKeyword, word+"~", start)
		}
		return l.make(tokTilde, word, start)
	}
	if keywords[word] {
		return l.make(tokKeyword, word, start)
	}
	return l.make(tokName, word, start)
}

// number scans digits with an optional fraction and exponent: 5 .5 5. 1e3.
func (l *lexer) number() (token, *syntaxError) {
	start := l.pos
	decimal := false
	l.digits()
	if l.pos < len(l.src) && l.src[l.pos] == '.' {
		decimal = true
		l.pos++
		l.digits()
	}
	if end := l.exponent(); end > 0 {
		decimal = true
		l.pos = end
	}
	if decimal {
		return l.make(tokDecimal, l.src[start:l.pos], start), nil
	}
	return l.make(tokInteger, l.src[start:l.pos], start), nil
}

func (l *lexer) digits() {
	for l.pos < len(l.src) && isDigit(l.src[l.pos]) {
		l.pos++
	}
}

// exponent returns the end of an exponent at the current position, 0 when there is none.
func (l *lexer) exponent() int {
	i := l.pos
	if i >= len(l.src) || l.src[i]|0x20 != 'e' {
		return 0
	}
	i++
	if i < len(l.src) && (l.src[i] == '+' || l.src[i] == '-') {
		i++
	}
	first := i
	for i < len(l.src) && isDigit(l.src[i]) {
		i++
	}
	if i == first {
		return 0
	}
	return i
}

func (l *lexer) quotedName() (token, *syntaxError) {
	start := l.pos
	var name strings.Builder
	for i := start + 1; i < len(l.src); i++ {
		if l.src[i] != '`' {
			name.WriteByte(l.src[i])
			continue
		}
		if i+1 < len(l.src) && l.src[i+1] == '`' {
			name.WriteByte('`')
			i++
			continue
		}
		l.pos = i + 1
		if name.Len() == 0 {
			return token{}, l.fail(start, l.pos, "a field name is missing between the back quotes")
		}
		return l.make(tokQuoted, name.String(), start), nil
	}
	return token{}, l.fail(start, start+1, "this back-quoted name is not closed")
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isNameStart(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c == '@'
}
