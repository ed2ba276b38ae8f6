package eql

import (
	"math"

	"tocsin/internal/diag"
)

// Query is a whole EQL query: exactly one of Event, Sequence and Sample is set.
type Query struct {
	Event    *EventQuery
	Sequence *Sequence
	Sample   *Sample
	Pipes    []Pipe
}

// EventQuery is `category where condition`.
type EventQuery struct {
	// Category is compared with the event category field; "" with Any set matches every event.
	Category     string
	Any          bool
	CategorySpan diag.Span
	Where        Node
}

// Sequence is an ordered list of events with common keys.
type Sequence struct {
	By      []Node
	MaxSpan *MaxSpan
	Terms   []Term
	Until   *Term
	Span    diag.Span
}

// MaxSpan is the longest time from the first to the last event, as written: 30 s.
type MaxSpan struct {
	Count int64
	Unit  string // ms, s, m, h, d
	Span  diag.Span
}

// Term is one step of a sequence or sample.
type Term struct {
	Query   EventQuery
	By      []Node
	Missing bool // ![…]: no such event
	Runs    int  // with runs=n; 1 when not written
	Span    diag.Span
}

// Sample is an unordered set of events with common keys.
type Sample struct {
	By    []Node
	Terms []Term
	Span  diag.Span
}

// Pipe is `| name args`.
type Pipe struct {
	Name string
	Args []Node
	Span diag.Span
}

// Limit returns the number of results that head or tail keeps.
func (p Pipe) Limit() int {
	literal, _ := p.Args[0].(*Literal)
	n, _ := literal.Value.(int64)
	return int(min(n, math.MaxInt32))
}

// Node is an expression: one of the pointer types below.
type Node interface {
	// Pos returns where the expression stands in the query text.
	Pos() diag.Span
}

// Literal is a constant: nil, bool, int64, float64 or string.
type Literal struct {
	Value any
	Span  diag.Span
}

// Field is a field name, Optional when written with a question mark.
type Field struct {
	Name     string
	Optional bool
	Span     diag.Span
}

// Call is a function call; Fold is the tilde that makes it ignore case.
type Call struct {
	Name string
	Fold bool
	Args []Node
	Span diag.Span
	// NameSpan covers the name alone.
	NameSpan diag.Span
}

// Negative is arithmetic negation of an expression other than a literal.
type Negative struct {
	X    Node
	Span diag.Span
}

// Arithmetic is X Op Y with Op one of + - * / %.
type Arithmetic struct {
	Op   string
	X, Y Node
}

// Comparison is X Op Y with Op one of == != < <= > >=.
type Comparison struct {
	Op     string
	X, Y   Node
	OpSpan diag.Span
}

// In is X in (…), or in~ with Fold, or not in with Negated.
type In struct {
	X       Node
	Values  []Node
	Negated bool
	Fold    bool
	Span    diag.Span
}

// Match is X Op (patterns) with Op one of : like like~ regex regex~.
type Match struct {
	Op       string
	X        Node
	Patterns []*Literal
	Span     diag.Span
}

// Not is logical negation.
type Not struct {
	X    Node
	Span diag.Span
}

// Logic is two or more operands joined by the same operator, "and" or "or".
type Logic struct {
	Op string
	Xs []Node
}

// Pos returns the literal's place.
func (n *Literal) Pos() diag.Span { return n.Span }

// Pos returns the name's place.
func (n *Field) Pos() diag.Span { return n.Span }

// Pos returns the call's place, arguments included.
func (n *Call) Pos() diag.Span { return n.Span }

// Pos returns the place of sign and operand.
func (n *Negative) Pos() diag.Span { return n.Span }

// Pos returns the place of both operands.
func (n *Arithmetic) Pos() diag.Span { return n.X.Pos().To(n.Y.Pos()) }

// Pos returns the place of both operands.
func (n *Comparison) Pos() diag.Span { return n.X.Pos().To(n.Y.Pos()) }

// Pos returns the place of operand and list.
func (n *In) Pos() diag.Span { return n.Span }

// Pos returns the place of operand and patterns.
func (n *Match) Pos() diag.Span { return n.Span }

// Pos returns the place of not and operand.
func (n *Not) Pos() diag.Span { return n.Span }

// Pos returns the place from the first to the last operand.
func (n *Logic) Pos() diag.Span { return n.Xs[0].Pos().To(n.Xs[len(n.Xs)-1].Pos()) }
