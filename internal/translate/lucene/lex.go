package lucene

import (
	"strings"
	"unicode/utf8"

	"tocsin/internal/diag"
)

type tokenKind int

const (
	tokEOF tokenKind = iota
	tokAnd
	tokOr
	tokNot
	tokPlus
	tokMinus
	tokSign // an operator before a blank
	tokOpen
	tokClose
	tokColon
	tokStar
	tokCaret
	tokNumber
	tokQuoted
	tokTerm
	tokPrefix
	tokWild
	tokFuzzy
	tokRegexp
	tokRangeIn   // [
	tokRangeEx   // {
	tokRangeTo   // TO
	tokBound     // a bound
	tokQuotedEnd // a bound in quotes
	tokEndIn     // ]
	tokEndEx     // }
)

// token is one word of the query. Text is the word as written.
type token struct {
	kind tokenKind
	text string
	span diag.Span
}

// syntaxError is the first syntax error of a query.
type syntaxError struct {
	span diag.Span
	text string
}

const (
	blanks = " \t\n\r\u3000"
	// specialInWild are the characters that a word can contain only after a backslash. Stars and
	// question marks make it a pattern; plus and minus are special at its start.
	specialInWild = blanks + `!():^[]"{}~\/`
	specialInside = specialInWild + "*?"
	special       = specialInside + "+-"
)

// words are operators if they are whole words.
var words = map[string]tokenKind{"AND": tokAnd, "&&": tokAnd, "OR": tokOr, "||": tokOr, "NOT": tokNot}

// symbols are tokens of one character.
var symbols = map[byte]tokenKind{'+': tokPlus, '-': tokMinus, '!': tokNot, '(': tokOpen, ')': tokClose, ':': tokColon}

type lexer struct {
	src    string
	pos    int
	tokens []token
	err    *syntaxError
}

// lex splits the query into tokens, the last of them tokEOF. As in Lucene, the longest possible
// token wins.
func lex(src string) ([]token, *syntaxError) {
	l := &lexer{src: src, tokens: make([]token, 0, len(src)/5+4)}
	for l.err == nil && l.pos < len(l.src) {
		if n := blankAt(l.rest()); n > 0 {
			l.pos += n
			continue
		}
		l.next()
	}
	l.add(tokEOF, 0)
	return l.tokens, l.err
}

func (l *lexer) rest() string { return l.src[l.pos:] }

// add takes the next n bytes as a token.
func (l *lexer) add(kind tokenKind, n int) {
	span := diag.Span{Start: l.pos, End: l.pos + n}
	l.tokens = append(l.tokens, token{kind, l.src[span.Start:span.End], span})
	l.pos = span.End
}

// fail reports an error at the next character.
func (l *lexer) fail(text string) {
	l.err = &syntaxError{diag.Span{Start: l.pos, End: l.pos + 1}, text}
}

func (l *lexer) next() {
	rest := l.rest()
	switch c := rest[0]; c {
	case '"':
		l.enclosed(tokQuoted, quotedLen(rest), "the quotes are not closed")
	case '/':
		l.enclosed(tokRegexp, closedLen(rest, '/'), "the regular expression is not closed: write \\/ for a slash")
	case '~':
		l.add(tokFuzzy, 1+wordLen(rest[1:], specialInside, specialInside))
	case '^':
		l.boost()
	case '[':
		l.add(tokRangeIn, 1)
		l.bounds()
	case '{':
		l.add(tokRangeEx, 1)
		l.bounds()
	case ']', '}':
		l.fail(`"` + string(c) + `" ends no range: write \` + string(c) + ` for the character`)
	default:
		l.symbolOrWord(c)
	}
}

func (l *lexer) symbolOrWord(c byte) {
	kind, isSymbol := symbols[c]
	switch {
	case isSymbol && strings.IndexByte("+-!", c) >= 0 && blankAt(l.rest()[1:]) > 0:
		l.add(tokSign, 1)
	case isSymbol:
		l.add(kind, 1)
	default:
		l.word()
	}
}

func (l *lexer) enclosed(kind tokenKind, n int, unclosed string) {
	if n == 0 {
		l.fail(unclosed)
		return
	}
	l.add(kind, n)
}

// boost takes ^ and the number, which must follow immediately.
func (l *lexer) boost() {
	digits := func(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }
	number := l.rest()[1:]
	n := digits(number)
	if n == 0 {
		l.fail("a number has to follow: write \\^ for the character")
		l.add(tokCaret, 1) // The parser may reject it.
		return
	}
	if fraction, isFraction := strings.CutPrefix(number[n:], "."); isFraction && digits(fraction) > 0 {
		n += 1 + digits(fraction)
	}
	l.add(tokCaret, 1)
	l.add(tokNumber, n)
}

// word takes a word with its stars and question marks.
func (l *lexer) word() {
	rest := l.rest()
	plain := wordLen(rest, special, specialInside)
	first := special
	if rest[0] == '*' || rest[0] == '?' {
		first = specialInWild
	}
	n := wordLen(rest, first, specialInWild)
	kind, isOperator := words[rest[:n]]
	switch {
	case n == 0: // Only a backslash at the end begins no token.
		l.fail("nothing is behind the backslash")
	case isOperator:
		l.add(kind, n)
	case rest[:n] == "*":
		l.add(tokStar, n)
	case n == plain:
		l.add(tokTerm, n)
	case n == plain+1 && rest[plain] == '*':
		l.add(tokPrefix, n)
	default:
		l.add(tokWild, n)
	}
}

// wordLen returns the length of a word at the start of a text: characters that are not special, or
// are escaped.
func wordLen(s, first, inside string) int {
	stop := first
	for i := 0; i < len(s); stop = inside {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == '\\' {
			if i+1 == len(s) {
				return i
			}
			_, escaped := utf8.DecodeRuneInString(s[i+1:])
			i += 1 + escaped
			continue
		}
		if strings.ContainsRune(stop, r) {
			return i
		}
		i += size
	}
	return len(s)
}

// quotedLen returns the length of a quoted text, 0 when it is unterminated.
func quotedLen(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// closedLen returns the length of a text between two marks. A mark after a backslash may be part of
// it, even if the backslash is itself escaped: the longest text wins.
func closedLen(s string, mark byte) int {
	n := 0
	for i := 1; i < len(s); i++ {
		if s[i] != mark {
			continue
		}
		n = i + 1
		if s[i-1] != '\\' {
			break
		}
	}
	return n
}

func blankAt(s string) int {
	r, size := utf8.DecodeRuneInString(s)
	if size > 0 && strings.ContainsRune(blanks, r) {
		return size
	}
	return 0
}
