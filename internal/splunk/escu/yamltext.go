package escu

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"tocsin/internal/diag"
)

// place returns the span of a scalar in the file: from its first character, including quotes and indicators, to
// the end of its last line as far as that is known.
func place(file diag.Text, n *yaml.Node) diag.Span {
	start := offset(file.Value, n.Line, n.Column)
	end := start + len(n.Value)
	if i := strings.IndexByte(file.Value[start:], '\n'); i >= 0 {
		end = min(end, start+i)
	}
	return diag.Span{Start: start, End: min(max(end, start+1), len(file.Value))}
}

// offset returns the offset of a line and column (in characters).
func offset(content string, line, column int) int {
	at := 0
	for range line - 1 {
		i := strings.IndexByte(content[at:], '\n')
		if i < 0 {
			return len(content)
		}
		at += i + 1
	}
	for range column - 1 {
		if at >= len(content) {
			break
		}
		_, size := utf8.DecodeRuneInString(content[at:])
		at += size
	}
	return at
}

// text returns the value of a scalar with the position of each of its bytes.
func text(file diag.Text, n *yaml.Node) diag.Text {
	a := aligner{raw: file.Value, at: offset(file.Value, n.Line, n.Column), value: n.Value}
	switch style := n.Style; {
	case style&yaml.DoubleQuotedStyle != 0:
		a.at++
		a.double = true
	case style&yaml.SingleQuotedStyle != 0:
		a.at++
		a.single = true
	case style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		if i := strings.IndexByte(a.raw[a.at:], '\n'); i >= 0 {
			a.at += i + 1
		}
	}
	return file.Decoded(n.Value, a.align())
}

// aligner walks a value in parallel with its source text. The parser has already read the value, so it is enough
// to handle blanks and escapes.
type aligner struct {
	raw, value     string
	at             int
	single, double bool
}

// align returns the source offset of each byte of the value, and of its end.
func (a *aligner) align() []int {
	offsets := make([]int, 0, len(a.value)+1)
	for i := 0; i < len(a.value); {
		r, size := utf8.DecodeRuneInString(a.value[i:])
		at := a.next(r)
		for range size {
			offsets = append(offsets, at)
		}
		i += size
	}
	return append(offsets, min(a.at, len(a.raw)))
}

// next returns the source position of the next character of the value, and advances past it.
func (a *aligner) next(r rune) int {
	if a.double {
		a.joinLines()
		if at, ok := a.escape(r); ok {
			return at
		}
	}
	if r == ' ' || r == '\n' || r == '\t' {
		return a.space(r)
	}
	// Indentation and folded line ends have no character in the value here.
	for a.at < len(a.raw) && isSpace(a.raw[a.at]) {
		a.at++
	}
	if a.double {
		a.joinLines()
		if at, ok := a.escape(r); ok {
			return at
		}
	}
	at := min(a.at, len(a.raw))
	_, size := utf8.DecodeRuneInString(a.raw[at:])
	a.at = at + size
	if a.single && r == '\'' {
		a.at++
	}
	return at
}

// joinLines skips an escaped line end and the blanks after it.
func (a *aligner) joinLines() {
	for strings.HasPrefix(a.raw[min(a.at, len(a.raw)):], "\\\n") {
		a.at += 2
		for a.at < len(a.raw) && (a.raw[a.at] == ' ' || a.raw[a.at] == '\t') {
			a.at++
		}
	}
}

// space returns the source position of a blank: a blank or a line end.
func (a *aligner) space(r rune) int {
	at := min(a.at, len(a.raw))
	if at < len(a.raw) && rune(a.raw[at]) == r {
		a.at++
		return at
	}
	// A line end that was folded to a blank, or that follows blanks at the end of its line.
	for i := at; i < len(a.raw) && isSpace(a.raw[i]); i++ {
		if a.raw[i] == '\n' || rune(a.raw[i]) == r {
			a.at = i + 1
			return i
		}
	}
	return at
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// escapes maps the letters after a backslash in double quotes to characters.
var escapes = map[byte]rune{
	'0': 0, 'a': '\a', 'b': '\b', 't': '\t', 'n': '\n', 'v': '\v', 'f': '\f', 'r': '\r', 'e': 0x1b, 'N': 0x85, '_': 0xa0, 'L': 0x2028, 'P': 0x2029,
}

// escape reads an escape in double quotes that stands for r.
func (a *aligner) escape(r rune) (int, bool) {
	if a.at+1 >= len(a.raw) || a.raw[a.at] != '\\' {
		return 0, false
	}
	length := 2
	switch c := a.raw[a.at+1]; c {
	case '\n', '\r':
		return 0, false
	case 'x':
		length = 4
	case 'u':
		length = 6
	case 'U':
		length = 10
	default:
		if rune(c) != r && escapes[c] != r {
			return 0, false
		}
	}
	if a.at+length > len(a.raw) {
		return 0, false
	}
	if length > 2 {
		if code, err := strconv.ParseUint(a.raw[a.at+2:a.at+length], 16, 32); err != nil || rune(code) != r {
			return 0, false
		}
	}
	at := a.at
	a.at += length
	return at, true
}
