package condition

import (
	"fmt"
	"strings"

	"tocsin/internal/mapping"
)

// compileNested tests the objects of a nested field one by one.
func compileNested(n Nested, fields mapping.Fields) (test, error) {
	f, mapped := fields.Field(n.Path)
	switch {
	case mapped && (f.Type == mapping.Nested || f.Type == mapping.Unknown):
	case n.IgnoreUnmapped:
		return func(Document) bool { return false }, nil
	case !mapped:
		return nil, fmt.Errorf("nested object [%s] is not mapped: %w", n.Path, ErrOperator)
	default:
		return nil, fmt.Errorf("field [%s] of type [%s] is no nested object: %w", n.Path, f.Type, ErrOperator)
	}
	inner, err := compile(n.X, within{n.Path, fields})
	if err != nil {
		return nil, fmt.Errorf("nested object [%s]: %w", n.Path, err)
	}
	return func(d Document) bool {
		return d.AnyObject(n.Path, func() bool { return inner(d) })
	}, nil
}

// within are the fields as a condition on the objects at a path sees them: no others.
type within struct {
	path  string
	outer mapping.Fields
}

// Field implements [mapping.Fields].
func (w within) Field(name string) (mapping.Field, bool) {
	f, mapped := w.outer.Field(name)
	if !mapped || !strings.HasPrefix(name, w.path+".") {
		return mapping.Field{}, false
	}
	return f.Within(w.path), true
}
