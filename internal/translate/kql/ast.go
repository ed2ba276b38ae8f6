package kql

import (
	"slices"

	"tocsin/internal/diag"
)

// Query is a whole query. Where is nil for an empty query, which matches every event.
type Query struct{ Where Node }

// Node is a condition: one of the pointer types below.
type Node interface {
	// Pos returns where the condition stands in the query text.
	Pos() diag.Span
}

// Is is `field: value`, or a value alone with a nil Field. A list of values is several nodes.
type Is struct {
	Field *Value
	Value *Value
}

// Range is `field Op value` with Op one of < <= > >=.
type Range struct {
	Field *Value
	Op    string
	Value *Value
}

// Nested is `path: { condition }`: a single nested object matches the condition.
type Nested struct {
	Path *Value
	X    Node
	Span diag.Span
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

// Kind is how a value was written.
type Kind int

// The kinds of values. Only an unquoted value can be a pattern, null or a boolean.
const (
	Text Kind = iota
	Quoted
	Pattern
	Null
	True
	False
)

// Value is a field's name or what it is compared with.
type Value struct {
	Kind Kind
	// Parts is the text; for a pattern, the texts between its stars.
	Parts []string
	Span  diag.Span
}

// Text returns the text of a value that is not a pattern.
func (v *Value) Text() string { return v.Parts[0] }

// any reports whether the value is a lone star.
func (v *Value) any() bool {
	return v.Kind == Pattern && len(v.Parts) == 2 && v.Parts[0]+v.Parts[1] == ""
}

func (v *Value) equal(other *Value) bool {
	return v.Kind == other.Kind && slices.Equal(v.Parts, other.Parts)
}

// Pos returns the place of the value: the field may stand before a whole list.
func (n *Is) Pos() diag.Span {
	return n.Value.Span
}

// Pos returns the place of field and value.
func (n *Range) Pos() diag.Span { return n.Field.Span.To(n.Value.Span) }

// Pos returns the place of path and group.
func (n *Nested) Pos() diag.Span { return n.Span }

// Pos returns the place of not and operand.
func (n *Not) Pos() diag.Span { return n.Span }

// Pos returns the place from the first to the last operand.
func (n *Logic) Pos() diag.Span { return n.Xs[0].Pos().To(n.Xs[len(n.Xs)-1].Pos()) }
