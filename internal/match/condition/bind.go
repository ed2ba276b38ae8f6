package condition

import (
	"slices"

	"tocsin/internal/match/mapping"
)

// Bound is a condition compiled for every way in which indices map its fields: a document is
// matched under the mapping of its own index. It is safe for concurrent use on different documents.
type Bound struct {
	ways []mapping.Way
	// matchers holds the matchers of the ways, by number.
	matchers []*Matcher
}

// Bind compiles a condition. The error is of the first way in which it does not compile: for such
// indices, Elasticsearch rejects it too, or memory cannot evaluate it.
func Bind(e Expr, fields mapping.Fields) (*Bound, error) {
	b := &Bound{ways: mapping.Ways(fields, Names(e))}
	for _, w := range b.ways {
		m, err := Compile(e, w.Fields)
		if err != nil {
			return nil, err
		}
		b.matchers = append(b.matchers, m)
	}
	return b, nil
}

// Match reports whether the condition is true of a document of an index. For an index that the
// fields do not know, the way is chosen by [mapping.WayOf].
func (b *Bound) Match(index string, d Document) bool {
	return b.matchers[mapping.WayOf(b.ways, index)].Match(d)
}

// Names returns every name whose mapping a condition depends on, sorted: its fields and its nested
// objects.
func Names(e Expr) []string {
	names := append(Fields(e), paths(e)...)
	slices.Sort(names)
	return slices.Compact(names)
}

func paths(e Expr) []string {
	var out []string
	switch e := e.(type) {
	case And:
		for _, m := range e {
			out = append(out, paths(m)...)
		}
	case Or:
		for _, m := range e {
			out = append(out, paths(m)...)
		}
	case Not:
		return paths(e.X)
	case Nested:
		return append(paths(e.X), e.Path)
	}
	return out
}
