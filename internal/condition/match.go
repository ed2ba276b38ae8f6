package condition

import (
	"errors"
	"fmt"
	"slices"

	"tocsin/internal/mapping"
)

// Document is what a matcher reads: [tocsin/internal/event.Document].
type Document interface {
	// Values returns the indexed values of a field.
	Values(f mapping.Field) []mapping.Value
	// HasObject reports whether any value stands at or below a name.
	HasObject(name string) bool
	// AnyObject reports whether a test holds of one of the objects at a name: while it is asked, the
	// document is that object alone, under its full name.
	AnyObject(name string, holds func() bool) bool
}

// Matcher evaluates one condition in memory. It is safe for concurrent use on different documents.
type Matcher struct{ root test }

// Match reports whether the condition is true of the document: the same answer that Elasticsearch
// gives to its [DSL] under the same mapping.
func (m *Matcher) Match(d Document) bool { return m.root(d) }

type test func(Document) bool

// Errors that [Compile] wraps. Elasticsearch refuses the same queries, except those of which the
// error says that a search can match them.
var (
	// ErrAnalysed: the terms of analysed text are not its values.
	ErrAnalysed = errors.New("field is analysed text: only a search can match it")
	// ErrSearchOnly: what the test means depends on more than the values of a document.
	ErrSearchOnly = errors.New("only a search can match it")
	// ErrLiteral: the value beside a field cannot be one of the field's type.
	ErrLiteral = errors.New("value does not fit the field's type")
	// ErrOperator: the field's type does not know the operation.
	ErrOperator = errors.New("operation is not possible on the field's type")
)

// Compile makes a matcher of a condition under a mapping. A field that is not mapped has no
// values. The error names the field.
func Compile(e Expr, fields mapping.Fields) (*Matcher, error) {
	root, err := compile(e, fields)
	if err != nil {
		return nil, err
	}
	return &Matcher{root}, nil
}

func compile(e Expr, fields mapping.Fields) (test, error) {
	switch e := e.(type) {
	case Const:
		return func(Document) bool { return bool(e) }, nil
	case Not:
		x, err := compile(e.X, fields)
		if err != nil {
			return nil, err
		}
		return func(d Document) bool { return !x(d) }, nil
	case And:
		return compileAll(e, fields, false)
	case Or:
		return compileAll(e, fields, true)
	case Nested:
		return compileNested(e, fields)
	default:
		return compileLeaf(e, fields)
	}
}

// compileAll evaluates members in order until one gives the deciding answer.
func compileAll(members []Expr, fields mapping.Fields, deciding bool) (test, error) {
	tests := make([]test, len(members))
	for i, m := range members {
		t, err := compile(m, fields)
		if err != nil {
			return nil, err
		}
		tests[i] = t
	}
	return func(d Document) bool {
		for _, t := range tests {
			if t(d) == deciding {
				return deciding
			}
		}
		return !deciding
	}, nil
}

func compileLeaf(leaf Expr, fields mapping.Fields) (test, error) {
	if r, ok := leaf.(Residual); ok {
		return compileResidual(r, fields), nil
	}
	if r, ok := leaf.(Raw); ok {
		return nil, fmt.Errorf("query DSL %s: %w", r.text, ErrSearchOnly)
	}
	if t, ok := leaf.(Term); ok && t.Value == nil {
		return nil, fmt.Errorf("field [%s]: null cannot be looked for: %w", t.Field, ErrLiteral)
	}
	if fieldOf(leaf) == "" {
		return nil, fmt.Errorf("%s is about all fields: %w", leaf, ErrSearchOnly)
	}
	f, mapped := fields.Field(fieldOf(leaf))
	if _, ok := leaf.(Exists); ok && mapped {
		return compileExists(f, fields)
	}
	if !mapped || f.Type.Family() == mapping.FamilyObject {
		return compileNowhere(leaf)
	}
	accepts, err := compileValue(leaf, f)
	if err != nil {
		return nil, fmt.Errorf("field [%s] of type [%s]: %w", f.Name, f.Type, err)
	}
	return func(d Document) bool {
		return slices.ContainsFunc(d.Values(f), accepts)
	}, nil
}

// compileNowhere makes the test of a field without values: not mapped, or an object. A regular
// expression still has to be one, and a value something.
func compileNowhere(leaf Expr) (test, error) {
	if re, ok := leaf.(Regexp); ok {
		if _, err := compileRegexp(re); err != nil {
			return nil, fmt.Errorf("field [%s]: %w", re.Field, err)
		}
	}
	if m, ok := leaf.(Match); ok && m.Value == nil {
		return nil, fmt.Errorf("field [%s]: null cannot be looked for: %w", m.Field, ErrLiteral)
	}
	return func(Document) bool { return false }, nil
}

// compileExists tests an object by its members. Where those are not known, anything below its name
// counts, except in a nested object, which conditions on the whole document do not see into.
func compileExists(f mapping.Field, fields mapping.Fields) (test, error) {
	if f.Type.Family() == mapping.FamilyObject {
		if f.Members == nil && f.Type != mapping.Nested {
			return func(d Document) bool { return d.HasObject(f.Source()) }, nil
		}
		members := make(Or, len(f.Members))
		for i, name := range f.Members {
			members[i] = Exists{Field: name}
		}
		return compileAll(members, fields, true)
	}
	if err := f.InMemory(); err != nil {
		return nil, fmt.Errorf("field [%s] of type [%s]: %w", f.Name, f.Type, err)
	}
	if f.Type == mapping.Unknown {
		return func(d Document) bool { return len(d.Values(f)) > 0 || d.HasObject(f.Source()) }, nil
	}
	return func(d Document) bool { return len(d.Values(f)) > 0 }, nil
}
