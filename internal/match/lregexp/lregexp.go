package lregexp

import (
	"errors"
	"fmt"
	"slices"
)

// Flags selects the optional operators of a pattern; an operator whose bit is off is an ordinary character.
// The bits are Lucene's, so Elasticsearch's flags_value can be used unchanged.
type Flags uint8

// The optional operators. A named automaton, `<name>`, is always an error, as Elasticsearch defines no names;
// the bit only makes `<` special, as in Lucene.
const (
	Intersection Flags = 1 << iota // x&y
	Complement                     // binds tighter than a repetition: ~ab* is (~a)(b*)
	Empty                          // # matches no string
	AnyString                      // @ matches every string
	Automaton                      // <name>
	Interval                       // <n-m>
	// All is Elasticsearch's flags "ALL", its default; EQL's `regex` uses it too.
	All Flags = 0xff
)

// Options says how to parse a pattern. The zero value has no optional operators and is case-sensitive.
type Options struct {
	Flags Flags
	// CaseInsensitive is Elasticsearch's case_insensitive: a single ASCII letter, also within [...] or
	// quotes, matches both of its cases. Ranges and letters outside ASCII are not folded.
	CaseInsensitive bool
}

// SyntaxError is an error in a pattern, which Elasticsearch rejects as well.
type SyntaxError struct {
	Offset  int // position of the error, in bytes of the pattern
	Message string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("regular expression: %s at offset %d", e.Message, e.Offset)
}

// ErrTooComplex is returned by [Compile] for a valid pattern whose automaton would be too large;
// Elasticsearch rejects such a pattern as well.
var ErrTooComplex = errors.New("regular expression: too complex")

// Regexp is a compiled pattern, safe for concurrent use.
type Regexp struct {
	pattern  string
	dfa      *dfa
	literals [][]string
}

// Compile parses a pattern. The error is a [*SyntaxError] or [ErrTooComplex]; the work is bounded for any
// pattern. Invalid UTF-8 is read as U+FFFD.
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

// Match reports whether the pattern matches the whole value, like a `regexp` query on a keyword field.
// Invalid UTF-8 is read as U+FFFD.
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

// Literal returns the only string that the pattern matches, if there is exactly one: `net\.exe` gives
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

// Special results of onlyStep.
const (
	none = -1 // no code point can follow
	many = -2 // several classes can follow
)

// onlyStep returns the only class after which the value can still match, and the next state.
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
