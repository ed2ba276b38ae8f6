package lucene

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"tocsin/internal/diag"
)

// unescape removes the backslashes from a token: \uXXXX is a character by its number, any other
// character stands for itself. For a pattern only its errors are used.
func unescape(t token) (string, *syntaxError) {
	if !strings.Contains(t.text, `\`) {
		return t.text, nil
	}
	var b strings.Builder
	for i := 0; i < len(t.text); {
		rest := t.text[i:]
		switch {
		case rest[0] != '\\':
			_, size := utf8.DecodeRuneInString(rest)
			b.WriteString(rest[:size])
			i += size
		case strings.HasPrefix(rest, `\u`):
			r, size := unicodeAt(rest)
			if size == 0 {
				at := diag.Span{Start: t.span.Start + i, End: min(t.span.Start+i+len(`\uXXXX`), t.span.End)}
				return "", &syntaxError{at, `four hexadecimal digits have to follow \u`}
			}
			b.WriteRune(r)
			i += size
		case len(rest) == 1:
			return "", &syntaxError{diag.Span{Start: t.span.End - 1, End: t.span.End}, "nothing is behind the backslash"}
		default:
			_, size := utf8.DecodeRuneInString(rest[1:])
			b.WriteString(rest[1 : 1+size])
			i += 1 + size
		}
	}
	return b.String(), nil
}

// unicodeAt decodes \uXXXX. Characters above four digits are written as two surrogates.
func unicodeAt(s string) (rune, int) {
	unit, ok := unitAt(s)
	if !ok {
		return 0, 0
	}
	size := len(`\uXXXX`)
	if utf16.IsSurrogate(unit) {
		if low, ok := unitAt(s[size:]); ok && utf16.DecodeRune(unit, low) != utf8.RuneError {
			return utf16.DecodeRune(unit, low), 2 * size
		}
	}
	return unit, size
}

func unitAt(s string) (rune, bool) {
	if len(s) < len(`\uXXXX`) || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[2:6], 16, 16)
	return rune(n), err == nil
}
