package kql

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// scanner reads characters for the grammar, which tries one choice after the other. If none
// matches, the error is what was expected at the farthest position: Kibana's message.
type scanner struct {
	src string
	pos int
	// silent counts the named rules that are being parsed: their failures are reported under their
	// name.
	silent   int
	farthest int
	expected []string
}

// fail records what was expected at the current position.
func (s *scanner) fail(what string) {
	if s.silent > 0 || s.pos < s.farthest {
		return
	}
	if s.pos > s.farthest {
		s.farthest, s.expected = s.pos, s.expected[:0]
	}
	if !slices.Contains(s.expected, what) {
		s.expected = append(s.expected, what)
	}
}

// accept reads a symbol.
func (s *scanner) accept(symbol string) bool {
	if strings.HasPrefix(s.src[s.pos:], symbol) {
		s.pos += len(symbol)
		return true
	}
	s.fail(strconv.Quote(symbol))
	return false
}

// blank reads white space, if there is any.
func (s *scanner) blank() {
	s.pos += spaces(s.src[s.pos:])
	s.fail("whitespace")
}

// word reads one of the keywords, which count only between blanks; before "not" none is needed.
func (s *scanner) word(keyword string) bool {
	if n := keywordAt(s.src[s.pos:], keyword); n > 0 {
		s.pos += n
		return true
	}
	s.fail(strings.ToUpper(keyword))
	return false
}

func (s *scanner) end() bool {
	if s.pos == len(s.src) {
		return true
	}
	s.fail("end of input")
	return false
}

// message returns what was expected at the farthest position.
func (s *scanner) message() string {
	slices.Sort(s.expected)
	list := strings.Join(s.expected, ", ")
	if last := len(s.expected) - 1; last > 1 {
		list = strings.Join(s.expected[:last], ", ") + ", or " + s.expected[last]
	} else if last == 1 {
		list = s.expected[0] + " or " + s.expected[1]
	}
	found := "end of input"
	if r, size := utf8.DecodeRuneInString(s.src[s.farthest:]); size > 0 {
		found = strconv.Quote(string(r))
	}
	return fmt.Sprintf("Expected %s but %s found.", list, found)
}

// space separates words; other white space is part of them.
const space = " \t\r\n\u00a0"

// spaces returns the length of the white space at the start of a text.
func spaces(s string) int { return len(s) - len(strings.TrimLeft(s, space)) }

// keywordAt returns the length of a keyword at the start of a text, with the blanks around it.
func keywordAt(s, keyword string) int {
	before := 0
	if keyword != "not" {
		if before = spaces(s); before == 0 {
			return 0
		}
	}
	end := before + len(keyword)
	if len(s) <= end || !strings.EqualFold(s[before:end], keyword) {
		return 0
	}
	after := spaces(s[end:])
	if after == 0 {
		return 0
	}
	return end + after
}
