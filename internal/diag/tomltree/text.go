package tomltree

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"

	"tocsin/internal/diag"
)

// content returns the decoded string, sharing the memory of the file where there are no escapes.
func (b *builder) content(n *unstable.Node, s diag.Span) string {
	inner, escaped := quoted(b.file.Value, s)
	if escaped {
		return string(n.Data)
	}
	return b.file.Value[inner.Start:inner.End]
}

// quoted returns the span between the quotes of a string, without the newline that TOML trims, and
// whether it contains escapes.
func quoted(file string, s diag.Span) (inner diag.Span, escaped bool) {
	raw := file[s.Start:s.End]
	quotes := 1
	if len(raw) >= 6 && raw[1] == raw[0] && raw[2] == raw[0] {
		quotes = 3
	}
	inner = diag.Span{Start: s.Start + quotes, End: s.End - quotes}
	body := file[inner.Start:inner.End]
	switch {
	case quotes == 3 && strings.HasPrefix(body, "\r\n"):
		inner.Start += 2
	case quotes == 3 && strings.HasPrefix(body, "\n"):
		inner.Start++
	}
	return inner, raw[0] == '"' && strings.IndexByte(body, '\\') >= 0
}

// StringText returns a string with the positions of its bytes, so that a fault at a byte of the
// value is reported at its line and column of the file.
func (v *Value) StringText(file diag.Text) diag.Text {
	inner, escaped := quoted(file.Value, v.Span)
	if !escaped {
		return file.Part(inner)
	}
	offsets := make([]int, 0, inner.End-inner.Start+1)
	value := unescape(file.Value, inner, func(start, length int) {
		for range length {
			offsets = append(offsets, start)
		}
	})
	return file.Decoded(value, append(offsets, inner.End))
}

// unescape decodes the inside of a string that a parser has accepted. visit, if not nil, is called
// for each character with its file offset and the number of bytes it has in the value.
func unescape(file string, inner diag.Span, visit func(start, length int)) string {
	out := make([]byte, 0, inner.End-inner.Start)
	for i := inner.Start; i < inner.End; {
		start, had := i, len(out)
		if file[i] != '\\' {
			out = append(out, file[i])
			i++
		} else {
			out, i = escape(out, file, i+1, inner.End)
		}
		if visit != nil {
			visit(start, len(out)-had)
		}
	}
	return string(out)
}

// escapes are the one-letter escapes.
var escapes = map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'e': 0x1B}

// escape decodes the escape whose letter is at i and returns the offset after it.
func escape(out []byte, file string, i, end int) ([]byte, int) {
	switch c := file[i]; c {
	case 'x':
		return codePoint(out, file, i+1, 2)
	case 'u':
		if pair, ok := surrogates(file[i:end]); ok {
			return utf8.AppendRune(out, pair), i + len(`uXXXX\uXXXX`)
		}
		return codePoint(out, file, i+1, 4)
	case 'U':
		return codePoint(out, file, i+1, 8)
	case ' ', '\t', '\r', '\n':
		for i < end && strings.IndexByte(" \t\r\n", file[i]) >= 0 {
			i++
		}
		return out, i
	default:
		if short, ok := escapes[c]; ok {
			c = short
		}
		return append(out, c), i + 1
	}
}

// codePoint decodes n hexadecimal digits.
func codePoint(out []byte, file string, i, n int) ([]byte, int) {
	code, err := strconv.ParseUint(file[i:i+n], 16, 32)
	if err != nil {
		code = utf8.RuneError
	}
	return utf8.AppendRune(out, rune(code)), i + n
}

// surrogates decodes the two escapes by which JSON writes a character of more than 16 bits.
func surrogates(s string) (rune, bool) {
	const form = `uXXXX\uXXXX`
	if len(s) < len(form) || s[5] != '\\' || s[6] != 'u' {
		return 0, false
	}
	high, errHigh := strconv.ParseUint(s[1:5], 16, 16)
	low, errLow := strconv.ParseUint(s[7:11], 16, 16)
	if errHigh != nil || errLow != nil {
		return 0, false
	}
	pair := utf16.DecodeRune(rune(high), rune(low))
	return pair, pair != utf8.RuneError
}
