package spl

import "tocsin/internal/diag"

// SubCompare compares one field with the result of a search.
type SubCompare struct {
	Field  Name
	Op     string
	Search *Search
	Span   diag.Span
}

// SubValue is the result of a search as a value in an expression.
type SubValue struct {
	Search *Search
	Span   diag.Span
}

// Pos returns the place from the field to the brackets.
func (s *SubCompare) Pos() diag.Span { return s.Span }

// Pos returns the place of the brackets.
func (s *SubValue) Pos() diag.Span { return s.Span }

// String writes the comparison with its search.
func (s *SubCompare) String() string {
	return s.Field.String() + s.Op + "[" + s.Search.inner() + "]"
}

// String writes the search in brackets.
func (s *SubValue) String() string { return "[" + s.Search.inner() + "]" }
