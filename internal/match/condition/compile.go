package condition

import (
	"errors"
	"fmt"
	"slices"

	"tocsin/internal/match/mapping"
)

// Errors that [Compile] and [NewSet] wrap. Elasticsearch rejects the same queries, except where the
// error says that a search can match them.
var (
	// ErrAnalysed: the terms of analysed text are not its values.
	ErrAnalysed = errors.New("field is analysed text: only a search can match it")
	// ErrSearchOnly: the test depends on more than the values of a document.
	ErrSearchOnly = errors.New("only a search can match it")
	// ErrNow, an ErrSearchOnly: the test is relative to now, and [AsOf] has not resolved it.
	ErrNow = fmt.Errorf("it depends on the time of evaluation: %w", ErrSearchOnly)
	// ErrLiteral: the literal is not a value of the field's type.
	ErrLiteral = errors.New("value does not fit the field's type")
	// ErrOperator: the field's type does not support the operation.
	ErrOperator = errors.New("operation is not possible on the field's type")
)

// maker builds the result of [compile]: trees that are evaluated as they are, or the nodes of a
// set. The meaning of a leaf is decided before it reaches the maker.
type maker[N any] interface {
	constant(value bool) N
	not(x N) N
	join(op operator, parts []N) N
	leaf(l leaf) N
	// test makes a leaf of the tree: by [compileTest], unless its result is already known.
	test(e Expr, fields mapping.Fields) (N, error)
}

// compile compiles a condition under a mapping. A field that is not mapped has no values. The error
// names the field.
func compile[N any](to maker[N], e Expr, fields mapping.Fields) (N, error) {
	switch e := e.(type) {
	case Const:
		return to.constant(bool(e)), nil
	case Not:
		x, err := compile(to, e.X, fields)
		if err != nil {
			return x, err
		}
		return to.not(x), nil
	case And:
		return compileAll(to, opAnd, e, fields)
	case Or:
		return compileAll(to, opOr, e, fields)
	default:
		return to.test(e, fields)
	}
}

func compileAll[N any](to maker[N], op operator, members []Expr, fields mapping.Fields) (N, error) {
	parts := make([]N, len(members))
	for i, m := range members {
		var err error
		if parts[i], err = compile(to, m, fields); err != nil {
			return parts[i], err
		}
	}
	return to.join(op, parts), nil
}

// leafKind is what a leaf tests.
type leafKind uint8

const (
	// valueLeaf: the values of a field, each separately.
	valueLeaf leafKind = iota
	// existsLeaf: whether a field has a value.
	existsLeaf
	// objectLeaf: whether there is a value at or below a name.
	objectLeaf
	// rowLeaf: rows of values of several fields.
	rowLeaf
	// nestedLeaf: the objects of a nested field, each separately.
	nestedLeaf
)

// leaf is the test of a leaf of the tree under a mapping.
type leaf struct {
	kind leafKind
	// expr is the original expression.
	expr Expr
	// field is the field of the values, value the test of a value.
	field mapping.Field
	value valueTest
	// name is the name of the object.
	name string
	// fields are the fields of the rows, text is the residual's text, holds tests a row.
	fields []rowField
	names  []string
	text   string
	holds  func(row []*mapping.Value) bool
	// literals are those of the residual.
	literals []string
	// within tests an object of the nested field name.
	within *part
}

type rowField struct {
	mapping.Field
	mapped bool
}

func compileTest[N any](to maker[N], e Expr, fields mapping.Fields) (none N, err error) {
	switch e := e.(type) {
	case Nested:
		return compileNested(to, e, fields)
	case Residual:
		return to.leaf(residualLeaf(e, fields)), nil
	case Raw:
		if _, of := e.Read(); of != nil {
			if read, ok := of(fields); ok {
				return compile(to, read, fields)
			}
		}
		return none, fmt.Errorf("query DSL %s: %w", e.text, ErrSearchOnly)
	case Term:
		if e.Value == nil {
			return none, fmt.Errorf("field [%s]: null cannot be searched for: %w", e.Field, ErrLiteral)
		}
	}
	if fieldOf(e) == "" {
		return none, fmt.Errorf("%s is about all fields: %w", e, ErrSearchOnly)
	}
	f, mapped := fieldNamed(fields, fieldOf(e))
	if _, ok := e.(Exists); ok && mapped {
		return compileExists(to, f, fields)
	}
	if e, ok := e.(LeftOut); ok {
		return compileLeftOut(to, e, f, mapped)
	}
	if !mapped && mapping.IsMetadata(fieldOf(e)) {
		return none, fmt.Errorf("field [%s]: %w", fieldOf(e), ErrSearchOnly)
	}
	if !mapped || f.Type.Family() == mapping.FamilyObject {
		return to.constant(false), checkNowhere(e)
	}
	value, err := compileValue(e, f)
	if err != nil {
		return none, fmt.Errorf("field [%s] of type [%s]: %w", f.Name, f.Type, err)
	}
	if value.never() {
		return to.constant(false), nil
	}
	return to.leaf(leaf{kind: valueLeaf, expr: e, field: f, value: value}), nil
}

// checkNowhere checks a test of a field without values: not mapped, or an object. Its regular
// expression must still be valid, and its value must not be null.
func checkNowhere(e Expr) error {
	if re, ok := e.(Regexp); ok {
		if err := checkRegexp(re); err != nil {
			return fmt.Errorf("field [%s]: %w", re.Field, err)
		}
	}
	if m, ok := e.(Match); ok && m.Value == nil {
		return fmt.Errorf("field [%s]: null cannot be searched for: %w", m.Field, ErrLiteral)
	}
	return nil
}

// compileExists tests an object by its members. If those are not known, any value below its name
// counts, except in a nested object, which conditions on the whole document do not see.
func compileExists[N any](to maker[N], f mapping.Field, fields mapping.Fields) (none N, err error) {
	if f.Type.Family() == mapping.FamilyObject {
		if f.Members == nil && f.Type != mapping.Nested {
			return to.leaf(leaf{kind: objectLeaf, name: f.Source()}), nil
		}
		members := make(Or, len(f.Members))
		for i, name := range f.Members {
			members[i] = Exists{Field: name}
		}
		return compileAll(to, opOr, members, fields)
	}
	if err := f.InMemory(); err != nil {
		return none, fmt.Errorf("field [%s] of type [%s]: %w", f.Name, f.Type, err)
	}
	exists := to.leaf(leaf{kind: existsLeaf, field: f})
	if f.Type == mapping.Unknown {
		return to.join(opOr, []N{exists, to.leaf(leaf{kind: objectLeaf, name: f.Source()})}), nil
	}
	return exists, nil
}

// compileLeftOut tests the values that a field's index leaves out. A field of unknown type leaves out no
// value; an index that does not map the field leaves out all of them.
func compileLeftOut[N any](to maker[N], e LeftOut, f mapping.Field, mapped bool) (none N, err error) {
	if !mapped {
		return to.leaf(leaf{kind: objectLeaf, name: e.Field}), nil
	}
	if e.Unmapped != "" {
		return to.constant(false), nil
	}
	switch f.Type.Family() {
	case mapping.FamilyObject, mapping.FamilyUnknown, mapping.FamilyText, mapping.FamilyOther:
		return to.constant(false), nil
	default:
	}
	if f.Constant != nil || f.Nested != "" {
		return to.constant(false), nil
	}
	if err := f.InMemory(); err != nil {
		return none, fmt.Errorf("field [%s] of type [%s]: %w", f.Name, f.Type, err)
	}
	f.LeftOut = true
	return to.leaf(leaf{kind: existsLeaf, field: f}), nil
}

// match evaluates the leaf for a document.
func (l *leaf) match(d Document) bool {
	switch l.kind {
	case valueLeaf:
		return slices.ContainsFunc(d.Values(l.field), l.value.accept)
	case existsLeaf:
		return len(d.Values(l.field)) > 0
	case objectLeaf:
		return d.HasObject(l.name)
	case rowLeaf:
		return l.matchRows(d)
	default:
		return l.matchObjects(d)
	}
}
