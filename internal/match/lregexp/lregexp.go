package lregexp

import (
	"errors"
	"fmt"
	"slices"
)

// Flags selects the optional operators of a pattern; an operator whose bit is off is an ordinary
// character. The bits are Lucene's, so that Elasticsearch's flags_value converts as it is.
type Flags uint8

// The optional operators. An automaton's name, `<name>`, is always an error: Elasticsearch knows no
// names; the bit only makes `<` special, as it does there.
const (
	Intersection Flags = 1 << iota // x&y
	Complement                     // ~x, tighter than a repetition: ~ab* is (~a)(b*)
	Empty                          // # matches no string
	AnyString                      // @ matches every string
	Automaton                      // <name>
	Interval                       // <n-m>
	// All is Elasticsearch's flags "ALL", its default, and what EQL's `regex` uses.
	All Flags = 0xff
)

// Options says how to read a pattern. The zero value has no optional operator and minds the case.
type Options struct {
	Flags Flags
	// CaseInsensitive is Elasticsearch's case_insensitive: a single ASCII letter, also one listed in
	// [...] or quoted, stands for both its cases. Ranges and letters outside ASCII are not folded.
	CaseInsensitive bool
}

// SyntaxError is a pattern Elasticsearch refuses to parse.
type SyntaxError struct {
	Offset  int // of the fault, in bytes of the pattern
	Message string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("regular expression: %s at offset %d", e.Message, e.Offset)
}

// ErrTooComplex is returned by [Compile] for a well-formed pattern whose automaton would be too
// large; Elasticsearch answers such a pattern with an error as well.
var ErrTooComplex = errors.New("regular expression: too complex")

// Regexp is a compiled pattern, safe for concurrent use.
type Regexp struct {
	pattern  string
	dfa      *dfa
	literals []string
}

// Compile parses a pattern. The error is a [*SyntaxError] or [ErrTooComplex]; the work done is
// bounded whatever the pattern. Bytes that are not UTF-8 are read as U+FFFD.
func Compile(pattern string, opts Options) (*Regexp, error) {
	tree, err := parse(pattern, opts)
	if err != nil {
		return nil, err
	}
	auto, err := compile(tree, opts.CaseInsensitive)
	if err != nil {
		return nil, err
	}
	return &Regexp{pattern: pattern, dfa: newDFA(auto), literals: literalsOf(tree)}, nil
}

// Match reports whether the pattern covers the whole value, as a `regexp` query on a keyword field
// finds the document holding it. Bytes that are not UTF-8 are read as U+FFFD.
func (r *Regexp) Match(value string) bool {
	s := r.dfa.start.Load()
	for _, c := range value {
		if s.dead() {
			return false
		}
		s = r.dfa.next(s, r.dfa.classes.of(c))
	}
	return s.accept
}

// String returns the pattern as given to [Compile].
func (r *Regexp) String() string { return r.pattern }

// Literal returns the only string the pattern matches, if there is exactly one: `net\.exe` gives
// net.exe. Elasticsearch's EQL turns such a `regex` into a term query.
func (r *Regexp) Literal() (string, bool) {
	var text []rune
	s := r.dfa.start.Load()
	for {
		class, after := r.dfa.onlyStep(s)
		switch {
		case s.accept && class == none:
			return string(text), true
		case s.accept || class < 0 || r.dfa.classes.width(class) != 1:
			return "", false
		}
		text, s = append(text, r.dfa.classes.starts[class]), after
	}
}

// What onlyStep answers instead of a class.
const (
	none = -1 // no code point leads on
	many = -2 // several classes lead on
)

// onlyStep returns the only class from which the value can still match, and the state it leads to.
func (d *dfa) onlyStep(s *dstate) (class int, after *dstate) {
	if slices.Equal(s.set, []int32{final}) {
		return none, nil
	}
	class = none
	for c := range d.classes.count() {
		n := d.next(s, c)
		if n.dead() {
			continue
		}
		if class != none {
			return many, nil
		}
		class, after = c, n
	}
	return class, after
}
