package condition

import (
	"slices"

	"tocsin/internal/mapping"
)

// Bound is a condition compiled for every way in which indices map its fields: a document is judged
// under the mapping of its own index. It is safe for concurrent use on different documents.
type Bound struct{ ways []boundWay }

type boundWay struct {
	way     mapping.Way
	matcher *Matcher
}

// Bind compiles a condition. An error is that of the first way in which it does not compile: there
// Elasticsearch refuses it too, or memory cannot tell.
func Bind(e Expr, fields mapping.Fields) (*Bound, error) {
	b := &Bound{}
	for _, w := range mapping.Ways(fields, Names(e)) {
		m, err := Compile(e, w.Fields)
		if err != nil {
			return nil, err
		}
		b.ways = append(b.ways, boundWay{w, m})
	}
	return b, nil
}

// Match reports whether the condition is true of a document of an index. One of an index that the
// fields do not know is judged as those of the first way are.
func (b *Bound) Match(index string, d Document) bool {
	for i := range b.ways {
		if b.ways[i].way.Has(index) {
			return b.ways[i].matcher.Match(d)
		}
	}
	return b.ways[0].matcher.Match(d)
}

// Names returns every name of which a condition asks how it is mapped, sorted: its fields and the
// nested objects that it looks into.
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
