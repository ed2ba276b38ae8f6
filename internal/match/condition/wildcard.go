package condition

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// wildcard matches a Lucene wildcard pattern. The pattern is cut at its stars. The first piece is
// anchored at the start, the last at the end, and the pieces between match at their first
// occurrence, which is always sufficient and needs no backtracking.
type wildcard struct {
	pieces []piece
	fold   bool
}

// WildcardTest returns a test of whole strings against a pattern as in [Wildcard].
func WildcardTest(pattern string, fold bool) func(string) bool {
	return newWildcard(pattern, fold).test()
}

// anyChar in a piece stands for exactly one character of any kind.
const anyChar = rune(-1)

// piece is a part of a pattern without stars: its text if it is all literal, else its characters.
type piece struct {
	text  string
	runes []rune
}

func newWildcard(pattern string, fold bool) wildcard {
	if fold {
		pattern = foldASCII(pattern)
	}
	if !utf8.ValidString(pattern) {
		pattern = string([]rune(pattern))
	}
	w := wildcard{fold: fold, pieces: make([]piece, 0, strings.Count(pattern, "*")+1)}
	if !strings.ContainsAny(pattern, `\?`) {
		for text := range strings.SplitSeq(pattern, "*") {
			w.pieces = append(w.pieces, piece{text: text})
		}
		return w
	}
	var run []rune
	escaped := false
	for _, r := range pattern {
		switch {
		case escaped:
			run, escaped = append(run, r), false
		case r == '\\':
			escaped = true
		case r == '?':
			run = append(run, anyChar)
		case r == '*':
			w.pieces, run = append(w.pieces, newPiece(run)), run[:0]
		default:
			run = append(run, r)
		}
	}
	if escaped {
		run = append(run, '\\') // no character follows that it could escape
	}
	w.pieces = append(w.pieces, newPiece(run))
	return w
}

// newPiece does not retain the run.
func newPiece(run []rune) piece {
	if slices.Contains(run, anyChar) {
		return piece{runes: slices.Clone(run)}
	}
	return piece{text: string(run)}
}

func (w wildcard) match(s string) bool {
	if w.fold {
		s = foldASCII(s)
	}
	first, last := w.pieces[0], w.pieces[len(w.pieces)-1]
	n, ok := first.prefix(s)
	if !ok {
		return false
	}
	if len(w.pieces) == 1 {
		return n == len(s)
	}
	s = s[n:]
	for _, p := range w.pieces[1 : len(w.pieces)-1] {
		end, ok := p.find(s)
		if !ok {
			return false
		}
		s = s[end:]
	}
	return last.suffix(s)
}

// test returns match, in its simplest form.
func (w wildcard) test() func(string) bool {
	if w.fold || !w.pieces[0].literal() || !w.pieces[len(w.pieces)-1].literal() {
		return w.match
	}
	first, last := w.pieces[0].text, w.pieces[len(w.pieces)-1].text
	switch {
	case len(w.pieces) == 1:
		return func(s string) bool { return s == first }
	case len(w.pieces) == 2 && last == "":
		return func(s string) bool { return strings.HasPrefix(s, first) }
	case len(w.pieces) == 2 && first == "":
		return func(s string) bool { return strings.HasSuffix(s, last) }
	case len(w.pieces) == 3 && first == "" && last == "" && w.pieces[1].literal():
		within := w.pieces[1].text
		return func(s string) bool { return strings.Contains(s, within) }
	}
	return w.match
}

func (p piece) literal() bool { return len(p.runes) == 0 }

// prefix returns how many bytes at the start of s the piece takes.
func (p piece) prefix(s string) (int, bool) {
	if p.literal() {
		return len(p.text), strings.HasPrefix(s, p.text)
	}
	n := 0
	for _, want := range p.runes {
		if n == len(s) {
			return 0, false
		}
		r, size := utf8.DecodeRuneInString(s[n:])
		if want != anyChar && r != want {
			return 0, false
		}
		n += size
	}
	return n, true
}

// find returns the end of the piece's first occurrence in s.
func (p piece) find(s string) (int, bool) {
	if p.literal() {
		i := strings.Index(s, p.text)
		return i + len(p.text), i >= 0
	}
	for i := 0; i <= len(s); {
		if n, ok := p.prefix(s[i:]); ok {
			return i + n, true
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += max(1, size)
	}
	return 0, false
}

func (p piece) suffix(s string) bool {
	if p.literal() {
		return strings.HasSuffix(s, p.text)
	}
	start := len(s)
	for range p.runes {
		_, size := utf8.DecodeLastRuneInString(s[:start])
		if size == 0 {
			return false
		}
		start -= size
	}
	_, ok := p.prefix(s[start:])
	return ok
}
