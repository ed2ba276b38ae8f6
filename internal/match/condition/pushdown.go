package condition

import (
	"slices"

	"tocsin/internal/match/mapping"
)

// Pushdown returns the part of the condition that Elasticsearch can evaluate: a condition that is
// true of at least the same documents. exact reports that it is true of no others. If it is not
// exact, hits must be matched again in memory against the whole condition.
func Pushdown(e Expr, fields mapping.Fields) (superset Expr, exact bool) {
	p := newPushdown(fields)
	if p.exact(e) {
		return e, true
	}
	return Simplify(p.widen(e, true)), false
}

func (p pushdown) exact(e Expr) bool {
	exact := true
	Walk(e, func(leaf Expr) { exact = exact && p.pushable(leaf) })
	return exact
}

// Remainder returns the condition to match in memory on the hits of a search for the result of
// [Pushdown]: members that the search answers exactly need not be matched again, and some of them
// cannot be.
func Remainder(e Expr, fields mapping.Fields) Expr {
	return newPushdown(fields).remainder(e)
}

func (p pushdown) remainder(e Expr) Expr {
	if p.exact(e) {
		return Const(true)
	}
	members, isAnd := e.(And)
	if !isAnd {
		return e
	}
	var rest And
	for _, m := range members {
		rest = append(rest, p.remainder(m))
	}
	return Simplify(rest)
}

// pushdown looks up how fields are mapped, each once: the tests of a rule are about a few.
type pushdown struct {
	fields mapping.Fields
	known  map[string][]mapping.Field
}

func newPushdown(fields mapping.Fields) pushdown {
	return pushdown{fields, map[string][]mapping.Field{}}
}

// ways returns a field as each of the ways maps it that do.
func (p pushdown) ways(name string) []mapping.Field {
	known, ok := p.known[name]
	if !ok {
		for _, way := range mapping.Ways(p.fields, []string{name}) {
			if f, mapped := way.Fields.Field(name); mapped {
				known = append(known, f)
			}
		}
		p.known[name] = known
	}
	return known
}

// widen replaces every leaf that cannot be pushed down by a constant that only matches more
// documents: true, or false below an odd number of Nots.
func (p pushdown) widen(e Expr, up bool) Expr {
	switch e := e.(type) {
	case And:
		return And(p.widenAll(e, up))
	case Or:
		return Or(p.widenAll(e, up))
	case Not:
		return Not{p.widen(e.X, !up)}
	case Nested:
		e.X = p.widen(e.X, up)
		return e
	case Const:
		return e
	case Residual:
		if e.Wider == nil {
			return e.widened(up)
		}
		return p.widen(e.widened(up), up)
	}
	if p.pushable(e) {
		return e
	}
	return Const(up)
}

func (p pushdown) widenAll(members []Expr, up bool) []Expr {
	out := make([]Expr, len(members))
	for i, m := range members {
		out[i] = p.widen(m, up)
	}
	return out
}

// pushable reports whether Query DSL has a clause with the meaning of the leaf on the field's type.
func (p pushdown) pushable(leaf Expr) bool {
	switch leaf.(type) {
	case Residual:
		return false
	case Raw:
		return true
	}
	name := fieldOf(leaf)
	if _, isSource := mapping.SourcePlace(name); isSource {
		return false
	}
	return !slices.ContainsFunc(p.ways(name), func(f mapping.Field) bool { return !pushableOn(leaf, f) })
}

// pushableOn is like pushable, for one mapping of the field.
func pushableOn(leaf Expr, f mapping.Field) bool {
	switch {
	case f.Keyed:
		return pushableKeyed(leaf)
	case f.Type == mapping.Version:
		return pushableVersion(leaf)
	case f.Type == mapping.DocumentID:
		return pushableID(leaf)
	case f.Type == mapping.IndexName:
		return pushableIndex(leaf)
	}
	_, isCIDR := leaf.(CIDR)
	return !isCIDR || f.Type.Family() != mapping.FamilyString
}

// pushableKeyed: on a key of a flattened field Elasticsearch rejects patterns and ranges with one
// bound, and ignoring case also ignores the key's case.
func pushableKeyed(leaf Expr) bool {
	switch l := leaf.(type) {
	case Wildcard, Regexp, CIDR, QueryString:
		return false
	case Term:
		return !l.Fold
	case Prefix:
		return !l.Fold
	case Range:
		return (l.Gt != nil || l.Gte != nil) && (l.Lt != nil || l.Lte != nil)
	}
	return true
}

// pushableID: Elasticsearch can only look ids up.
func pushableID(leaf Expr) bool {
	switch l := leaf.(type) {
	case Wildcard, Prefix, Regexp, Range, CIDR, QueryString:
		return false
	case Term:
		return !l.Fold
	}
	return true
}

// pushableIndex: Elasticsearch supports patterns of index names, but no regular expressions and no
// order.
func pushableIndex(leaf Expr) bool {
	switch leaf.(type) {
	case Regexp, Range, CIDR:
		return false
	}
	return true
}

// pushableVersion: Elasticsearch matches patterns against a version's encoding, takes a prefix for
// a pattern, and finds nothing when case is ignored.
func pushableVersion(leaf Expr) bool {
	switch l := leaf.(type) {
	case Wildcard, Prefix, Regexp, QueryString:
		return false
	case Term:
		return !l.Fold
	}
	return true
}
