package eql

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// stringToken scans "…" or """…""".
func (l *lexer) stringToken() (token, *syntaxError) {
	if strings.HasPrefix(l.src[l.pos:], `"""`) {
		return l.rawString()
	}
	start := l.pos
	var value strings.Builder
	for i := start + 1; i < len(l.src); {
		switch c := l.src[i]; c {
		case '"':
			l.pos = i + 1
			return l.make(tokString, value.String(), start), nil
		case '\n', '\r':
			return token{}, l.fail(start, i, "this string is not closed on its line")
		case '\\':
			r, end, err := l.escape(i)
			if err != nil {
				return token{}, err
			}
			value.WriteRune(r)
			i = end
		default:
			value.WriteByte(c)
			i++
		}
	}
	return token{}, l.fail(start, len(l.src), "this string is not closed")
}

// escape decodes the escape at i and returns its end.
func (l *lexer) escape(i int) (rune, int, *syntaxError) {
	if i+1 == len(l.src) {
		return 0, 0, l.fail(i, i+1, "this string is not closed")
	}
	switch c := l.src[i+1]; c {
	case 'b':
		return '\b', i + 2, nil
	case 't':
		return '\t', i + 2, nil
	case 'n':
		return '\n', i + 2, nil
	case 'f':
		return '\f', i + 2, nil
	case 'r':
		return '\r', i + 2, nil
	case '"', '\'', '\\':
		return rune(c), i + 2, nil
	case 'u':
		return l.unicodeEscape(i)
	}
	_, size := utf8.DecodeRuneInString(l.src[i+1:])
	return 0, 0, l.fail(i, i+1+size, "unknown escape "+strings.ToValidUTF8(l.src[i:i+1+size], "\uFFFD")+` in a string; a backslash itself is written \\`)
}

// unicodeEscape decodes \u{H…} with two to eight hexadecimal digits.
func (l *lexer) unicodeEscape(i int) (rune, int, *syntaxError) {
	bad := func(end int, text string) (rune, int, *syntaxError) { return 0, 0, l.fail(i, end, text) }
	if !strings.HasPrefix(l.src[i:], `\u{`) {
		return bad(i+2, `a Unicode escape is written \u{…} with 2 to 8 hexadecimal digits`)
	}
	length := strings.IndexByte(l.src[i:], '}')
	if length < 0 {
		return bad(i+3, `a Unicode escape is written \u{…}: } is missing`)
	}
	end := i + length + 1
	digits := l.src[i+3 : end-1]
	n, err := strconv.ParseUint(digits, 16, 32)
	if err != nil || len(digits) < 2 || len(digits) > 8 || digits[0] == '+' {
		return bad(end, `a Unicode escape is written \u{…} with 2 to 8 hexadecimal digits`)
	}
	switch {
	case n >= 0xD800 && n <= 0xDFFF:
		return bad(end, "Invalid unicode character code, ["+digits+"] is a surrogate code")
	case n > utf8.MaxRune:
		return bad(end, "Invalid unicode character code ["+digits+"]")
	}
	return rune(n), end, nil
}

// rawString scans """…""", which has no escapes. Up to two quotes directly before the closing
// three belong to the value.
func (l *lexer) rawString() (token, *syntaxError) {
	start := l.pos
	body := l.src[start+3:]
	end := strings.Index(body, `"""`)
	newline := strings.IndexAny(body, "\r\n")
	if end < 0 || newline >= 0 && newline < end {
		return token{}, l.fail(start, start+3, `this string is not closed with """ on its line`)
	}
	for range 2 {
		if end+3 < len(body) && body[end+3] == '"' {
			end++
		}
	}
	l.pos = start + 3 + end + 3
	return l.make(tokString, body[:end], start), nil
}
