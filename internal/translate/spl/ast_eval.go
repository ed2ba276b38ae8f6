package spl

import "tocsin/internal/diag"

// Node is an expression of where and eval: one of the pointer types below.
type Node interface {
	Pos() diag.Span
	String() string
}

// Number is a literal number.
type Number struct {
	Value float64
	Text  string
	Span  diag.Span
}

// Text is a literal string.
type Text struct {
	Value string
	Span  diag.Span
}

// Field is the value of a field.
type Field struct {
	Name string
	Span diag.Span
}

// Unary is NOT or - with an operand.
type Unary struct {
	Op   string
	X    Node
	Span diag.Span
}

// Binary is an operator with two operands: OR XOR AND = != < <= > >= LIKE . + - * / %.
type Binary struct {
	Op   string
	X, Y Node
}

// Member is X IN (list).
type Member struct {
	X    Node
	List []Node
	Span diag.Span
}

// Call is a function call; its name is in lower case.
type Call struct {
	Name string
	Args []Node
	Span diag.Span
}

// Pos returns the place of the number.
func (n *Number) Pos() diag.Span { return n.Span }

// Pos returns the place of the string.
func (t *Text) Pos() diag.Span { return t.Span }

// Pos returns the place of the name.
func (f *Field) Pos() diag.Span { return f.Span }

// Pos returns the place of operator and operand.
func (u *Unary) Pos() diag.Span { return u.Span }

// Pos returns the place of both operands.
func (b *Binary) Pos() diag.Span { return b.X.Pos().To(b.Y.Pos()) }

// Pos returns the place of operand and list.
func (m *Member) Pos() diag.Span { return m.Span }

// Pos returns the place of name and arguments.
func (c *Call) Pos() diag.Span { return c.Span }
