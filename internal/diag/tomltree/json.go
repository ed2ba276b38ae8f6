package tomltree

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"tocsin/internal/diag"
)

// maxDepth bounds the nesting of lists and objects. Filters in practice have a dozen levels.
const maxDepth = 200

// ParseJSON parses the one JSON document at a span of a file, such as a line of NDJSON. An object
// becomes a table; codes are as in [Parse]. After a syntax error the value is nil.
func ParseJSON(file diag.Text, at diag.Span, area string) (*Value, diag.List) {
	p := jsonParser{builder: builder{file: file, area: area}, text: file.Value[:at.End], pos: at.Start}
	if at.End-at.Start > maxSize {
		p.fail("syntax", at, "document has more than %d bytes", maxSize)
		return nil, p.list
	}
	v := p.value(0)
	if p.blank(); v != nil && p.pos < len(p.text) {
		p.wrong("the end")
		v = nil
	}
	if p.broken {
		v = nil
	}
	return v, p.list
}

// Under returns a table with one member: it puts a document under a key, as another format has it.
func Under(key string, v *Value) *Value {
	root := &Value{Kind: Table, Span: v.Span}
	v.Key, v.KeySpan = key, diag.Span{Start: v.Span.Start, End: v.Span.Start}
	root.add(v)
	return root
}

// jsonParser parses up to the first mistake.
type jsonParser struct {
	builder
	// text is the file up to the end of the document.
	text   string
	pos    int
	broken bool
}

// stop reports the first mistake.
func (p *jsonParser) stop(s diag.Span, format string, args ...any) *Value {
	if !p.broken {
		p.fail("syntax", s, format, args...)
	}
	p.broken = true
	return nil
}

// wrong reports that something else was expected at the current position.
func (p *jsonParser) wrong(want string) *Value {
	if p.pos >= len(p.text) {
		return p.stop(diag.Span{Start: len(p.text), End: len(p.text)}, "JSON ends where %s was expected", want)
	}
	_, size := utf8.DecodeRuneInString(p.text[p.pos:])
	s := diag.Span{Start: p.pos, End: p.pos + size}
	return p.stop(s, "JSON: expected %s but found %q", want, p.text[s.Start:s.End])
}

func (p *jsonParser) blank() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
}

// next reports whether the next character is c, and consumes it if so.
func (p *jsonParser) next(c byte) bool {
	p.blank()
	if p.pos >= len(p.text) || p.text[p.pos] != c {
		return false
	}
	p.pos++
	return true
}

func (p *jsonParser) value(depth int) *Value {
	p.blank()
	start := p.pos
	switch {
	case depth > maxDepth:
		return p.stop(diag.Span{Start: start, End: start + 1}, "JSON: more than %d levels", maxDepth)
	case p.pos >= len(p.text):
		return p.wrong("a value")
	}
	var v *Value
	switch p.text[p.pos] {
	case '{':
		p.pos++
		v = p.object(depth)
	case '[':
		p.pos++
		v = p.array(depth)
	case '"':
		s, ok := p.str()
		if !ok {
			return nil
		}
		v = &Value{Text: s}
	default:
		v = p.word()
	}
	if v != nil {
		v.Span = diag.Span{Start: start, End: p.pos}
	}
	return v
}

func (p *jsonParser) object(depth int) *Value {
	v := &Value{Kind: Table}
	if p.next('}') {
		return v
	}
	for {
		p.blank()
		start := p.pos
		if start >= len(p.text) || p.text[start] != '"' {
			return p.wrong("a key")
		}
		key, ok := p.str()
		if !ok {
			return nil
		}
		span := diag.Span{Start: start, End: p.pos}
		if !p.next(':') {
			return p.wrong("a colon")
		}
		member := p.value(depth + 1)
		switch {
		case member == nil:
			return nil
		case v.Get(key) != nil:
			p.fail("duplicate-key", span, "%s stands in its object twice", quoteKey(key))
		default:
			member.Key, member.KeySpan = key, span
			v.add(member)
		}
		if p.next('}') {
			return v
		}
		if !p.next(',') {
			return p.wrong("a comma or }")
		}
	}
}

func (p *jsonParser) array(depth int) *Value {
	v := &Value{Kind: Array}
	if p.next(']') {
		return v
	}
	for {
		item := p.value(depth + 1)
		if item == nil {
			return nil
		}
		v.add(item)
		if p.next(']') {
			return v
		}
		if !p.next(',') {
			return p.wrong("a comma or ]")
		}
	}
}

// str parses a string from its opening quote on.
func (p *jsonParser) str() (text string, ok bool) {
	start := p.pos
	escaped := false
	for p.pos++; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; {
		case c == '"':
			p.pos++
			inner := diag.Span{Start: start + 1, End: p.pos - 1}
			if !escaped {
				return p.text[inner.Start:inner.End], true
			}
			return unescape(p.text, inner, nil), true
		case c == '\\':
			escaped = true
			if !p.escape() {
				return "", false
			}
		case c < ' ':
			p.stop(diag.Span{Start: p.pos, End: p.pos + 1}, "JSON: a control character in a string has to be escaped")
			return "", false
		}
	}
	p.stop(diag.Span{Start: start, End: len(p.text)}, "JSON: string is not closed")
	return "", false
}

// escape checks the escape at a backslash, and moves to its last character.
func (p *jsonParser) escape() bool {
	start := p.pos
	p.pos++
	switch {
	case p.pos < len(p.text) && strings.IndexByte(`"\/bfnrt`, p.text[p.pos]) >= 0:
		return true
	case p.pos+4 < len(p.text) && p.text[p.pos] == 'u':
		if _, err := strconv.ParseUint(p.text[p.pos+1:p.pos+5], 16, 16); err == nil {
			p.pos += 4
			return true
		}
	}
	p.stop(diag.Span{Start: start, End: min(start+2, len(p.text))}, "JSON: no such escape")
	return false
}

// word parses a number, true, false or null.
func (p *jsonParser) word() *Value {
	start := p.pos
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n,:]}[{\"", p.text[p.pos]) < 0 {
		p.pos++
	}
	text := p.text[start:p.pos]
	switch text {
	case "true", "false":
		return &Value{Kind: Boolean, Text: text}
	case "null":
		return &Value{Kind: Null, Text: text}
	}
	if !isNumber(text) {
		p.pos = start
		return p.wrong("a value")
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return &Value{Kind: Integer, Text: text, Int: i}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return p.stop(diag.Span{Start: start, End: p.pos}, "JSON: %s: %s", text, errRange)
	}
	return &Value{Kind: Float, Text: text, Float: f}
}

// isNumber reports whether a word is a valid JSON number.
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole := digits(s)
	if whole == 0 || whole > 1 && s[0] == '0' {
		return false
	}
	s = s[whole:]
	if rest, ok := strings.CutPrefix(s, "."); ok {
		n := digits(rest)
		if n == 0 {
			return false
		}
		s = rest[n:]
	}
	if s == "" {
		return true
	}
	if s[0] != 'e' && s[0] != 'E' {
		return false
	}
	s = s[1:]
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	return s != "" && digits(s) == len(s)
}

// digits returns the number of leading digits of a text.
func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}
