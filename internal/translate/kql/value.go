package kql

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"tocsin/internal/diag"
)

// special are the characters that an unquoted value can contain only after a backslash.
const special = `\():<>"*{}`

// value reads a quoted or unquoted value; name is its name in messages.
func (p *parser) value(name string) *Value {
	start := p.pos
	p.silent++
	r := valueReader{src: p.src, pos: p.pos}
	v := r.quoted()
	if v == nil {
		r.pos = start
		v = r.unquoted()
	}
	p.silent--
	if v == nil {
		p.fail(name)
		return nil
	}
	p.pos = r.pos
	v.Span = diag.Span{Start: start, End: start + len(strings.TrimRight(p.src[start:p.pos], space))}
	return v
}

// valueReader reads the characters of one value.
type valueReader struct {
	src  string
	pos  int
	text strings.Builder
}

func (r *valueReader) quoted() *Value {
	if !strings.HasPrefix(r.src[r.pos:], `"`) {
		return nil
	}
	for r.pos++; r.pos < len(r.src); {
		switch {
		case r.src[r.pos] == '"':
			r.pos++
			return &Value{Kind: Quoted, Parts: []string{r.text.String()}}
		case r.escape(`"\`):
		default:
			r.char() // A backslash before any other character is an ordinary one.
		}
	}
	return nil
}

// unquoted reads up to a special character or a keyword.
func (r *valueReader) unquoted() *Value {
	start := r.pos
	var parts []string
	for r.pos < len(r.src) {
		if r.src[r.pos] == '*' {
			parts = append(parts, r.text.String())
			r.text.Reset()
			r.pos++
			continue
		}
		if r.escape(special) || r.escapedKeyword() {
			continue
		}
		if strings.IndexByte(special, r.src[r.pos]) >= 0 || r.keyword(start) {
			break
		}
		r.char()
	}
	if r.pos == start {
		return nil
	}
	parts = append(parts, r.text.String())
	parts[0] = strings.TrimLeftFunc(parts[0], isTrimmed)
	last := len(parts) - 1
	parts[last] = strings.TrimRightFunc(parts[last], isTrimmed)
	return &Value{Kind: kindOf(parts), Parts: parts}
}

func kindOf(parts []string) Kind {
	if len(parts) > 1 {
		return Pattern
	}
	switch parts[0] {
	case "null":
		return Null
	case "true":
		return True
	case "false":
		return False
	}
	return Text
}

// char takes the next character unchanged.
func (r *valueReader) char() {
	_, size := utf8.DecodeRuneInString(r.src[r.pos:])
	r.text.WriteString(r.src[r.pos : r.pos+size])
	r.pos += size
}

// escape decodes a backslash and what follows: t, r or n, u with four hexadecimal digits, or one of
// the given characters.
func (r *valueReader) escape(characters string) bool {
	rest := r.src[r.pos:]
	if len(rest) < 2 || rest[0] != '\\' {
		return false
	}
	switch c := rest[1]; {
	case c == 't':
		r.text.WriteByte('\t')
	case c == 'r':
		r.text.WriteByte('\r')
	case c == 'n':
		r.text.WriteByte('\n')
	case strings.IndexByte(characters, c) >= 0:
		r.text.WriteByte(c)
	default:
		return r.unicode()
	}
	r.pos += 2
	return true
}

// unicode decodes \uXXXX. Characters above four digits are written as two surrogates.
func (r *valueReader) unicode() bool {
	unit, ok := unitAt(r.src[r.pos:])
	if !ok {
		return false
	}
	r.pos += len(`\uXXXX`)
	if utf16.IsSurrogate(unit) {
		if low, ok := unitAt(r.src[r.pos:]); ok && utf16.DecodeRune(unit, low) != utf8.RuneError {
			unit = utf16.DecodeRune(unit, low)
			r.pos += len(`\uXXXX`)
		}
	}
	r.text.WriteRune(unit)
	return true
}

func unitAt(s string) (rune, bool) {
	if len(s) < len(`\uXXXX`) || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[2:6], 16, 16)
	return rune(n), err == nil
}

// escapedKeyword takes the keyword after a backslash as text. In \not the n was decoded as an
// escape before.
func (r *valueReader) escapedKeyword() bool {
	if r.src[r.pos] != '\\' {
		return false
	}
	for _, word := range []string{"or", "and", "not"} {
		end := r.pos + 1 + len(word)
		if end <= len(r.src) && strings.EqualFold(r.src[r.pos+1:end], word) {
			r.text.WriteString(r.src[r.pos+1 : end])
			r.pos = end
			return true
		}
	}
	return false
}

// keyword reports whether a keyword ends the value here. Within a run of blanks this was checked at
// the first one.
func (r *valueReader) keyword(start int) bool {
	rest := r.src[r.pos:]
	if keywordAt(rest, "not") > 0 {
		return true
	}
	if r.pos > start && spaces(r.src[r.pos-1:]) > 0 {
		return false
	}
	return keywordAt(rest, "or") > 0 || keywordAt(rest, "and") > 0
}

// isTrimmed reports whether a character is trimmed from both ends of an unquoted value: white space
// in JavaScript's sense.
func isTrimmed(r rune) bool {
	switch r {
	case '\t', '\n', '\v', '\f', '\r', ' ', '\u00a0', '\u1680', '\u2028', '\u2029', '\u202f', '\u205f', '\u3000', '\ufeff':
		return true
	}
	return '\u2000' <= r && r <= '\u200a'
}
