package lucene

import "tocsin/internal/diag"

// Query is a whole query. Where is nil for a blank one, which Kibana lets every event match.
type Query struct{ Where *List }

// List is a series of clauses. What operators stand between them decides which are required.
type List struct{ Clauses []Clause }

// Conj is the operator before a clause.
type Conj int

// The operators. The zero Conj is that of the first clause, and where nothing is written.
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

// Node is what a clause asks for: one of the pointer types below.
type Node interface {
	// Pos returns where the node stands in the query text.
	Pos() diag.Span
}

// Field is a field's name. "*" stands for all fields.
type Field struct {
	Name string
	Span diag.Span
}

// Group is a list in parentheses. Field, if there is one, is that of all tests in it that name none.
type Group struct {
	Field *Field
	List  *List
	// Boost is the number behind ^, "" without one. It changes scores only.
	Boost string
	Span  diag.Span
}

// Kind tells how the value of a test was written.
type Kind int

// The kinds of values.
const (
	// Word is one word or several in a row, which are looked for as one text.
	Word Kind = iota
	// Sign is a lone + - or ! before a blank, which is a word.
	Sign
	// Phrase is a text in quotes.
	Phrase
	// Prefix is a word with a star behind it.
	Prefix
	// Wildcard is a word with other stars and question marks.
	Wildcard
	// Star is a lone star.
	Star
	// Regexp is a text between slashes.
	Regexp
)

// Test is a value, with or without a field before it.
type Test struct {
	Field *Field
	Kind  Kind
	// Text is the value without what marks it. Of patterns and regular expressions it has the escapes
	// as they were written; of others none.
	Text string
	// Fuzzy is what was written of fuzziness, ~ and all.
	Fuzzy string
	Boost string
	Span  diag.Span
}

// Range is `[low TO high]`. The bound "*" is none.
type Range struct {
	Field     *Field
	Low, High string
	// LowIn and HighIn tell whether the bounds are within.
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
