package spl

import "tocsin/internal/diag"

// Search is a search or a subsearch: its commands in order.
type Search struct {
	Stages []Stage
	// Source is the text in which all spans are.
	Source *Source
}

// Stage is one command: one of the pointer types of this package with a Command.
type Stage interface {
	// Pos returns the position of the command, from its name on.
	Pos() diag.Span
	// Command returns its name.
	Command() string
	// String returns the command in canonical form.
	String() string
}

// Name is a field's name, or a pattern of names with stars.
type Name struct {
	Text string
	Span diag.Span
}

// Expr is a search condition: a node of search and of WHERE in tstats.
type Expr interface {
	Pos() diag.Span
	String() string
}

// And matches if all members match.
type And struct{ Xs []Expr }

// Or matches if one member matches.
type Or struct{ Xs []Expr }

// Not matches if X does not, also if X's field is missing.
type Not struct {
	X    Expr
	Span diag.Span
}

// Compare is a test of one field; Op is one of = != < <= > >=.
type Compare struct {
	Field Name
	Op    string
	Value Value
}

// In matches if the field has one of the values.
type In struct {
	Field  Name
	Values []Value
	Span   diag.Span
}

// Term is a word or phrase to find in the text of the event.
type Term struct{ Value Value }

// Every is a single star, which matches every event. Index reports that it is the value of index.
type Every struct {
	Span  diag.Span
	Index bool
}

// Subsearch stands for the results of a search: any of its rows, with all fields of the row.
type Subsearch struct {
	Search *Search
	Span   diag.Span
}

// Value is the value in a comparison. Stars match any characters, also in quotes.
type Value struct {
	Text   string
	Quoted bool
	// Exact compares case-sensitively: CASE(text).
	Exact bool
	Span  diag.Span
}

// Pos returns the place from the first to the last member.
func (a *And) Pos() diag.Span { return a.Xs[0].Pos().To(a.Xs[len(a.Xs)-1].Pos()) }

// Pos returns the place from the first to the last member.
func (o *Or) Pos() diag.Span { return o.Xs[0].Pos().To(o.Xs[len(o.Xs)-1].Pos()) }

// Pos returns the place of NOT and operand.
func (n *Not) Pos() diag.Span { return n.Span }

// Pos returns the place of field and value.
func (c *Compare) Pos() diag.Span { return c.Field.Span.To(c.Value.Span) }

// Pos returns the place of field and list.
func (i *In) Pos() diag.Span { return i.Span }

// Pos returns the place of the word.
func (t *Term) Pos() diag.Span { return t.Value.Span }

// Pos returns the place of the star.
func (e *Every) Pos() diag.Span { return e.Span }

// Pos returns the place of the brackets.
func (s *Subsearch) Pos() diag.Span { return s.Span }

// Walk calls visit for each node of a condition, parents first. A nil condition has no nodes.
func Walk(x Expr, visit func(Expr)) {
	if x == nil {
		return
	}
	visit(x)
	switch x := x.(type) {
	case *And:
		for _, m := range x.Xs {
			Walk(m, visit)
		}
	case *Or:
		for _, m := range x.Xs {
			Walk(m, visit)
		}
	case *Not:
		Walk(x.X, visit)
	}
}
