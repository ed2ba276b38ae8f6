package condition

import (
	"slices"

	"tocsin/internal/match/mapping"
)

// Without returns a condition that is true of every document of which e is true and that has no value of the fields for
// which lacks is true. A test of such a field is false. Tests whose fields are not known, or that read texts the index
// leaves out, stay as they are. The result is simplified: it is Const(false) if e needs a value of one of the fields.
func Without(e Expr, lacks func(field string) bool) Expr {
	return Simplify(without(e, lacks))
}

func without(e Expr, lacks func(field string) bool) Expr {
	members := func(list []Expr) []Expr {
		out := make([]Expr, len(list))
		for i, m := range list {
			out[i] = without(m, lacks)
		}
		return out
	}
	switch e := e.(type) {
	case And:
		return And(members(e))
	case Or:
		return Or(members(e))
	case Not:
		return Not{without(e.X, lacks)}
	case Nested:
		e.X = without(e.X, lacks)
		return e
	case Residual:
		if slices.ContainsFunc(e.Required, func(name string) bool { return ofValues(name) && lacks(name) }) {
			return Const(false)
		}
		return e
	case Const, LeftOut, Raw:
		return e
	default:
		if name := fieldOf(e); name != "" && ofValues(name) && lacks(name) {
			return Const(false)
		}
		return e
	}
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
