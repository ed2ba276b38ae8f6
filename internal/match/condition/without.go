package condition

import (
	"slices"

	"tocsin/internal/match/mapping"
)

// Without returns a condition that is true of the same documents as e among those that have no value of the fields for
// which lacks is true. A test of such a field is false. Tests whose fields are not known, or that read texts the index
// leaves out, stay as they are. The result is simplified: it is Const(false) if e needs a value of one of the fields.
func Without(e Expr, lacks func(field string) bool) Expr {
	return Denied(e, func(leaf Expr) bool {
		switch leaf := leaf.(type) {
		case LeftOut, Raw:
			return false
		case Residual:
			return slices.ContainsFunc(leaf.Required, func(name string) bool { return ofValues(name) && lacks(name) })
		}
		name := fieldOf(leaf)
		return name != "" && ofValues(name) && lacks(name)
	})
}

// Denied returns a condition with false in place of the tests for which is is true, simplified.
func Denied(e Expr, is func(leaf Expr) bool) Expr { return Simplify(denied(e, is)) }

func denied(e Expr, is func(leaf Expr) bool) Expr {
	members := func(list []Expr) []Expr {
		out := make([]Expr, len(list))
		for i, m := range list {
			out[i] = denied(m, is)
		}
		return out
	}
	switch e := e.(type) {
	case And:
		return And(members(e))
	case Or:
		return Or(members(e))
	case Not:
		return Not{denied(e.X, is)}
	case Nested:
		e.X = denied(e.X, is)
		return e
	case Const:
		return e
	}
	if is(e) {
		return Const(false)
	}
	return e
}

// ofValues reports whether a test by a name is of indexed values, not of the texts of the source.
func ofValues(name string) bool {
	_, isSource := mapping.SourcePlace(name)
	return !isSource
}

// Needed returns the fields of which every document that meets e has a value, sorted.
func Needed(e Expr) []string {
	return slices.DeleteFunc(Fields(e), func(name string) bool {
		return Without(e, func(field string) bool { return field == name }) != Expr(Const(false))
	})
}
