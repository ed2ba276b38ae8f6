package spl

import (
	"slices"
	"strings"

	"tocsin/internal/diag"
)

// scanner reads the expanded text. What a word is depends on the command, so there are no tokens: each method
// skips blanks and reads what its name says.
type scanner struct {
	src string
	pos int
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= 0x80 }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (s *scanner) blank() {
	for s.pos < len(s.src) && isBlank(s.src[s.pos]) {
		s.pos++
	}
}

// separator skips blanks and commas.
func (s *scanner) separator() {
	for s.pos < len(s.src) && (isBlank(s.src[s.pos]) || s.src[s.pos] == ',') {
		s.pos++
	}
}

// peek returns the next non-blank character, 0 at the end.
func (s *scanner) peek() byte {
	s.blank()
	if s.pos == len(s.src) {
		return 0
	}
	return s.src[s.pos]
}

// stageEnd reports whether the command ends here: at a pipe, a closing bracket or the end of the text.
func (s *scanner) stageEnd() bool {
	c := s.peek()
	return c == 0 || c == '|' || c == ']'
}

func (s *scanner) accept(text string) bool {
	s.blank()
	if strings.HasPrefix(s.src[s.pos:], text) {
		s.pos += len(text)
		return true
	}
	return false
}

// keyword reads a word in any case.
func (s *scanner) keyword(word string) bool {
	s.blank()
	end := s.pos + len(word)
	if end > len(s.src) || !strings.EqualFold(s.src[s.pos:end], word) || end < len(s.src) && isName(s.src[end]) {
		return false
	}
	s.pos = end
	return true
}

// isKeyword reports whether a keyword follows, without reading it.
func (s *scanner) isKeyword(words ...string) bool {
	back := s.pos
	defer func() { s.pos = back }()
	return slices.ContainsFunc(words, s.keyword)
}

// isName reports whether a field name can contain the character.
func isName(c byte) bool {
	return isLetter(c) || isDigit(c) || c == '.' || c == '{' || c == '}' || c == ':' || c == '-' || c == '@' || c == '#' || c == '/'
}

// ident reads letters, digits and underscores.
func (s *scanner) ident() (string, diag.Span) {
	s.blank()
	start := s.pos
	for s.pos < len(s.src) && (isLetter(s.src[s.pos]) || s.pos > start && isDigit(s.src[s.pos])) {
		s.pos++
	}
	return s.src[start:s.pos], diag.Span{Start: start, End: s.pos}
}

// wordEnd are the characters that end an unquoted word.
const wordEnd = " \t\r\n,()[]|=\"'"

// word reads up to one of the characters in end.
func (s *scanner) word(end string) (string, diag.Span) {
	s.blank()
	start := s.pos
	for s.pos < len(s.src) && strings.IndexByte(end, s.src[s.pos]) < 0 {
		if s.src[s.pos] == '\\' && s.pos+1 < len(s.src) && s.src[s.pos+1] == '"' {
			s.pos++
		}
		s.pos++
	}
	return s.src[start:s.pos], diag.Span{Start: start, End: s.pos}
}

// quoted reads a quoted text. In double quotes a backslash escapes a quote or a backslash, and is literal before
// other characters.
func (s *scanner) quoted() (text string, span diag.Span, ok bool) {
	s.blank()
	start := s.pos
	quote := s.src[s.pos]
	for i := s.pos + 1; i < len(s.src); i++ {
		switch s.src[i] {
		case '\\':
			i++
		case quote:
			s.pos = i + 1
			return unescape(s.src[start+1:i], quote), diag.Span{Start: start, End: s.pos}, true
		}
	}
	return "", diag.Span{Start: start, End: start + 1}, false
}

func unescape(s string, quote byte) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (s[i+1] == '\\' || s[i+1] == quote) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// skipStage skips the rest of a command, including quotes and brackets.
func (s *scanner) skipStage() {
	depth := 0
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; {
		case c == '\\':
			s.pos++
		case c == '"':
			if _, _, ok := s.quoted(); !ok {
				s.pos = len(s.src)
			}
			continue
		case c == '[':
			depth++
		case c == ']' && depth == 0, c == '|' && depth == 0:
			return
		case c == ']':
			depth--
		}
		s.pos++
	}
	s.pos = min(s.pos, len(s.src))
}
