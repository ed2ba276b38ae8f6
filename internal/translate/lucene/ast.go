package lucene

import "tocsin/internal/diag"

// Query is a whole query. Where is nil for a blank query, which matches every event in Kibana.
type Query struct{ Where *List }

// List is a series of clauses. The operators between them decide which ones are required.
type List struct{ Clauses []Clause }

// Conj is the operator before a clause.
type Conj int

// The operators. The zero Conj is for the first clause, and where no operator is written.
const (
	ConjNone Conj = iota
	ConjAnd
	ConjOr
)

// Mod is the sign of a clause.
type Mod int

// The signs. NOT and ! are the same as -.
const (
	ModNone Mod = iota
	ModRequired
	ModProhibited
)

// Clause is one member of a list.
type Clause struct {
	Conj Conj
	Mod  Mod
	X    Node
}

// Node is the content of a clause: one of the pointer types below.
type Node interface {
	// Pos returns where the node stands in the query text.
	Pos() diag.Span
}

// Field is a field's name. "*" stands for all fields.
type Field struct {
	Name string
	Span diag.Span
}

// Group is a list in parentheses. Field, if set, is the field of all tests in it that name none.
type Group struct {
	Field *Field
	List  *List
	// Boost is the number after ^, "" if there is none. It affects only scores.
	Boost string
	Span  diag.Span
}

// Kind is how the value of a test was written.
type Kind int

// The kinds of values.
const (
	// Word is one word, or several in a row that are searched for as one text.
	Word Kind = iota
	// Sign is a single + - or ! before a blank, which is a word.
	Sign
	// Phrase is a text in quotes.
	Phrase
	// Prefix is a word followed by a star.
	Prefix
	// Wildcard is a word with other stars and question marks.
	Wildcard
	// Star is a star alone.
	Star
	// Regexp is a text between slashes.
	Regexp
)

// Test is a value, with or without a field before it.
type Test struct {
	Field *Field
	Kind  Kind
	// Text is the value without its marks. In patterns and regular expressions, escapes are kept as
	// written; otherwise they are decoded.
	Text string
	// Fuzzy is the fuzziness as written, including ~.
	Fuzzy string
	Boost string
	Span  diag.Span
}

// Range is `[low TO high]`. The bound "*" means unbounded.
type Range struct {
	Field     *Field
	Low, High string
	// LowIn and HighIn say whether the bounds are inclusive.
	LowIn, HighIn bool
	Boost         string
	Span          diag.Span
}

// Pos returns the place of field and parentheses.
func (n *Group) Pos() diag.Span { return n.Span }

// Pos returns the place of field and value.
func (n *Test) Pos() diag.Span { return n.Span }

// Pos returns the place of field and bounds.
func (n *Range) Pos() diag.Span { return n.Span }
