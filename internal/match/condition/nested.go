package condition

import (
	"fmt"
	"strings"

	"tocsin/internal/match/mapping"
)

// compileNested tests the objects of a nested field one by one.
func compileNested[N any](to maker[N], n Nested, fields mapping.Fields) (none N, err error) {
	f, mapped := fields.Field(n.Path)
	switch {
	case mapped && (f.Type == mapping.Nested || f.Type == mapping.Unknown):
	case n.IgnoreUnmapped:
		return to.constant(false), nil
	case !mapped:
		return none, fmt.Errorf("nested object [%s] is not mapped: %w", n.Path, ErrOperator)
	default:
		return none, fmt.Errorf("field [%s] of type [%s] is not a nested object: %w", n.Path, f.Type, ErrOperator)
	}
	inner, err := compile(trees{}, n.X, nestedView{n.Path, fields})
	if err != nil {
		return none, fmt.Errorf("nested object [%s]: %w", n.Path, err)
	}
	return to.leaf(leaf{kind: nestedLeaf, name: n.Path, within: inner}), nil
}

func (l *leaf) matchObjects(d Document) bool {
	return d.AnyObject(l.name, func() bool { return l.within.match(d) })
}

// nestedView is the view of fields for a condition on the objects at a path: only fields in the objects.
type nestedView struct {
	path  string
	outer mapping.Fields
}

// Field implements [mapping.Fields].
func (w nestedView) Field(name string) (mapping.Field, bool) {
	f, mapped := w.outer.Field(name)
	if !mapped || !strings.HasPrefix(name, w.path+".") {
		return mapping.Field{}, false
	}
	return f.Within(w.path), true
}
