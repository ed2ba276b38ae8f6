package form

import (
	"slices"
	"strings"
)

// statement is a key with its value, or in a list an element.
type statement struct {
	// above are the comment lines before it, beside is the comment on its last line.
	above  []string
	beside string
	// key is as it is written, but without blanks around it.
	key   string
	value string
}

// block is a table header and what is below it.
type block struct {
	above  []string
	beside string
	// header is the text between the brackets; "" for what comes before any header.
	header string
	// list: the header has two brackets.
	list bool
	body []statement
	// tail are the comments after the last key.
	tail []string
}

// file is a parsed file.
type file struct {
	// top are the comments at its beginning, apart from what follows.
	top    []string
	blocks []*block
}

// scanner reads a valid TOML text.
type scanner struct {
	text string
	at   int
}

// parse splits a valid TOML text.
func parse(text string) file {
	s := scanner{text: text}
	var f file
	now := &block{}
	f.blocks = append(f.blocks, now)
	// comments are those directly before what follows, apart those that a blank line parts from it.
	var comments, apart []string
	begun := false
	for s.at < len(s.text) {
		line := s.blankLine()
		switch {
		case line && !begun && len(comments) > 0:
			f.top, comments, begun = comments, nil, true
		case line:
			apart, comments = append(apart, comments...), nil
		case s.text[s.at] == '#':
			comments = append(comments, s.comment())
			s.newline()
		case s.text[s.at] == '[':
			now.tail = append(now.tail, apart...)
			now = s.header()
			now.above, comments, apart, begun = comments, nil, nil, true
			f.blocks = append(f.blocks, now)
		default:
			one := s.pair()
			one.above, comments, apart, begun = slices.Concat(apart, comments), nil, nil, true
			now.body = append(now.body, one)
		}
	}
	now.tail = append(append(now.tail, apart...), comments...)
	return f
}

// blankLine skips blanks, and the end of the line if nothing else is on it.
func (s *scanner) blankLine() bool {
	for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\t') {
		s.at++
	}
	return s.at == len(s.text) || s.newline()
}

func (s *scanner) newline() bool {
	rest := s.text[s.at:]
	switch {
	case strings.HasPrefix(rest, "\r\n"):
		s.at += 2
	case strings.HasPrefix(rest, "\n"):
		s.at++
	default:
		return false
	}
	return true
}

// comment reads a comment up to the end of its line.
func (s *scanner) comment() string {
	end := strings.IndexByte(s.text[s.at:], '\n')
	if end < 0 {
		end = len(s.text) - s.at
	}
	text := strings.TrimRight(s.text[s.at:s.at+end], " \t\r")
	s.at += end
	return text
}

// rest reads the end of a line: nothing, or a comment.
func (s *scanner) rest() string {
	for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\t') {
		s.at++
	}
	text := ""
	if s.at < len(s.text) && s.text[s.at] == '#' {
		text = s.comment()
	}
	s.newline()
	return text
}

func (s *scanner) header() *block {
	b := &block{list: strings.HasPrefix(s.text[s.at:], "[[")}
	s.at++
	if b.list {
		s.at++
	}
	b.header = strings.TrimSpace(s.until("]"))
	s.at++
	if b.list {
		s.at++
	}
	b.beside = s.rest()
	return b
}

func (s *scanner) pair() statement {
	var p statement
	p.key = strings.TrimSpace(s.until("="))
	s.at++
	for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\t') {
		s.at++
	}
	p.value = strings.TrimSpace(s.until("#\r\n"))
	p.beside = s.rest()
	return p
}

// until reads up to one of some characters that is not in a string, a list or an inline table.
func (s *scanner) until(ends string) string {
	start, depth := s.at, 0
	for s.at < len(s.text) {
		c := s.text[s.at]
		switch {
		case c == '"' || c == '\'':
			s.skipString()
			continue
		case depth == 0 && strings.IndexByte(ends, c) >= 0:
			return s.text[start:s.at]
		case c == '#': // within a list
			s.comment()
			continue
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth--
		}
		s.at++
	}
	return s.text[start:s.at]
}

// skipString skips a string of any kind.
func (s *scanner) skipString() {
	quote := s.text[s.at : s.at+1]
	if strings.HasPrefix(s.text[s.at:], strings.Repeat(quote, 3)) {
		s.at += 3
		s.skipTo(strings.Repeat(quote, 3), quote == `"`)
		for strings.HasPrefix(s.text[s.at:], quote) { // quotes that belong to the text
			s.at++
		}
		return
	}
	s.at++
	s.skipTo(quote, quote == `"`)
}

// skipTo skips up to and including an end.
func (s *scanner) skipTo(end string, escapes bool) {
	for s.at < len(s.text) {
		if escapes && s.text[s.at] == '\\' {
			s.at = min(s.at+2, len(s.text))
			continue
		}
		if strings.HasPrefix(s.text[s.at:], end) {
			s.at += len(end)
			return
		}
		s.at++
	}
}
