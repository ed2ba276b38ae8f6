package condition

import (
	"hash/maphash"
	"math/bits"
	"slices"
	"sync"
)

// Simplify folds constants, flattens And in And and Or in Or, drops repeated members and double
// negation. The result is true of exactly the same documents.
func Simplify(e Expr) Expr {
	switch e := e.(type) {
	case And:
		return join(e, false, func(members []Expr) Expr { return And(members) })
	case Or:
		return join(e, true, func(members []Expr) Expr { return Or(members) })
	case Not:
		return negate(Simplify(e.X))
	case Nested:
		e.X = Simplify(e.X)
		if e.X == Expr(Const(false)) {
			return e.X
		}
		return e
	case Terms:
		return simplifyTerms(e)
	case CIDR:
		if len(e.Networks) == 0 {
			return Const(false)
		}
		return e
	default:
		return e
	}
}

// hasConst reports whether a part of the tree is a constant, or is one once it is simplified.
func hasConst(e Expr) bool {
	switch e := e.(type) {
	case Const:
		return true
	case And:
		return len(e) == 0 || slices.ContainsFunc(e, hasConst)
	case Or:
		return len(e) == 0 || slices.ContainsFunc(e, hasConst)
	case Not:
		return hasConst(e.X)
	case Nested:
		return hasConst(e.X)
	case Terms:
		return len(e.Values) == 0
	case CIDR:
		return len(e.Networks) == 0
	}
	return false
}

// join simplifies the members of an And or an Or; absorbing is the constant that decides it.
func join(members []Expr, absorbing bool, wrap func([]Expr) Expr) Expr {
	out := make([]Expr, 0, len(members))
	for _, m := range members {
		m = Simplify(m)
		if inner, ok := inlined(m, absorbing); ok {
			out = append(out, inner...)
			continue
		}
		if c, isConst := m.(Const); isConst {
			if bool(c) == absorbing {
				return m
			}
			continue
		}
		out = append(out, m)
	}
	if len(out) > 1 {
		out = unrepeated(out)
	}
	switch len(out) {
	case 0:
		return Const(!absorbing)
	case 1:
		return out[0]
	}
	return wrap(out)
}

// unrepeated drops the members that are equal to one before.
func unrepeated(members []Expr) []Expr {
	if len(members) < manyToCompare {
		kept := members[:0]
		for _, m := range members {
			if !slices.ContainsFunc(kept, func(o Expr) bool { return equal(m, o) }) {
				kept = append(kept, m)
			}
		}
		clear(members[len(kept):])
		return kept
	}
	table, _ := tables.Get().(*[]int32)
	if table == nil {
		table = new([]int32)
	}
	defer tables.Put(table)
	size := 2 << bits.Len(uint(len(members)))
	*table = slices.Grow((*table)[:0], size)[:size]
	slots := *table
	clear(slots)
	kept := members[:0]
	for _, m := range members {
		at := int(hash(m)) & (size - 1)
		for slots[at] != 0 && !equal(m, kept[slots[at]-1]) {
			at = (at + 1) & (size - 1)
		}
		if slots[at] == 0 {
			kept = append(kept, m)
			slots[at] = int32(len(kept))
		}
	}
	clear(members[len(kept):])
	return kept
}

// manyToCompare is the number of members from which a table is faster than comparing with each.
const manyToCompare = 8

// tables are those of [unrepeated], used again: simplifying makes thousands.
var tables sync.Pool

var seed = maphash.MakeSeed()

// hash returns a number that equal expressions share.
func hash(e Expr) uint64 {
	text := func(kind uint64, texts ...string) uint64 {
		for _, t := range texts {
			kind = kind*0x9e3779b97f4a7c15 ^ maphash.String(seed, t)
		}
		return kind
	}
	all := func(kind uint64, members []Expr) uint64 {
		for _, m := range members {
			kind = kind*0x9e3779b97f4a7c15 ^ hash(m)
		}
		return kind
	}
	switch e := e.(type) {
	case And:
		return all(1, e)
	case Or:
		return all(2, e)
	case Not:
		return 3 + 5*hash(e.X)
	case Nested:
		return text(4, e.Path) ^ hash(e.X)
	case Term:
		value, _ := e.Value.(string)
		return text(5, e.Field, value)
	case Terms:
		return text(6, e.Field) + uint64(len(e.Values))
	case Wildcard:
		return text(7, e.Field, e.Pattern)
	case Prefix:
		return text(8, e.Field, e.Value)
	case Regexp:
		return text(9, e.Field, e.Pattern)
	case Residual:
		return text(10, e.Text)
	default:
		return text(11, fieldOf(e))
	}
}

func isComparable(e Expr) bool {
	switch e := e.(type) {
	case Const, Exists, LeftOut, Term, Wildcard, Prefix, Regexp, Range, Match, QueryString, Raw:
		return true
	case Not:
		return isComparable(e.X)
	}
	return false
}

// equal reports whether two expressions are the same, member by member.
func equal(a, b Expr) bool {
	switch a := a.(type) {
	case And:
		b, ok := b.(And)
		return ok && slices.EqualFunc(a, b, equal)
	case Or:
		b, ok := b.(Or)
		return ok && slices.EqualFunc(a, b, equal)
	case Not:
		b, ok := b.(Not)
		return ok && equal(a.X, b.X)
	case Nested:
		b, ok := b.(Nested)
		return ok && a.Path == b.Path && a.IgnoreUnmapped == b.IgnoreUnmapped && equal(a.X, b.X)
	case Terms:
		b, ok := b.(Terms)
		return ok && a.Field == b.Field && slices.Equal(a.Values, b.Values)
	case CIDR:
		b, ok := b.(CIDR)
		return ok && a.Field == b.Field && slices.Equal(a.Networks, b.Networks)
	case Residual:
		b, ok := b.(Residual)
		return ok && a.Text == b.Text && slices.Equal(a.Fields, b.Fields)
	}
	return isComparable(b) && a == b
}

// inlined returns the members of a nested operator of the same kind, which has no constants any more.
func inlined(e Expr, absorbing bool) ([]Expr, bool) {
	if absorbing {
		or, ok := e.(Or)
		return or, ok
	}
	and, ok := e.(And)
	return and, ok
}

func negate(x Expr) Expr {
	switch x := x.(type) {
	case Const:
		return !x
	case Not:
		return x.X
	default:
		return Not{x}
	}
}

func simplifyTerms(t Terms) Expr {
	var values []any
	seen := make(map[any]bool, len(t.Values))
	for _, v := range t.Values {
		if !seen[v] {
			values = append(values, v)
		}
		seen[v] = true
	}
	switch len(values) {
	case 0:
		return Const(false)
	case 1:
		return Term{Field: t.Field, Value: values[0]}
	}
	return Terms{Field: t.Field, Values: values}
}

// Fields returns the names of the fields that the tree tests, sorted, each once. A test of all
// fields has no name. A [Raw] has the fields of its reading.
func Fields(e Expr) []string {
	var names []string
	Walk(e, func(leaf Expr) {
		if r, ok := leaf.(Residual); ok {
			for _, name := range r.Fields {
				names = append(names, mappedName(name))
			}
			return
		}
		if r, ok := leaf.(Raw); ok {
			read, _ := r.Read()
			names = append(names, read...)
			return
		}
		// Tests of one field often come in a row.
		if name := mappedName(fieldOf(leaf)); name != "" && (len(names) == 0 || names[len(names)-1] != name) {
			names = append(names, name)
		}
	})
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > 0 && names[0] == "" { // the source as a whole
		names = names[1:]
	}
	return names
}

// Walk calls visit for every leaf that tests a field, in order.
func Walk(e Expr, visit func(leaf Expr)) {
	switch e := e.(type) {
	case And:
		for _, m := range e {
			Walk(m, visit)
		}
	case Or:
		for _, m := range e {
			Walk(m, visit)
		}
	case Not:
		Walk(e.X, visit)
	case Nested:
		Walk(e.X, visit)
	case Const:
	default:
		visit(e)
	}
}

func fieldOf(leaf Expr) string {
	switch l := leaf.(type) {
	case Exists:
		return l.Field
	case LeftOut:
		return l.Field
	case Term:
		return l.Field
	case Terms:
		return l.Field
	case Wildcard:
		return l.Field
	case Prefix:
		return l.Field
	case Regexp:
		return l.Field
	case Range:
		return l.Field
	case CIDR:
		return l.Field
	case Match:
		return l.Field
	case QueryString:
		return l.Field
	}
	return ""
}
