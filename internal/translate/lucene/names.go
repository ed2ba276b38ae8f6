package lucene

import (
	"slices"
)

// Names returns the fields that the query uses, sorted, each once; a star in a name matches any
// characters. A test of all fields has no name.
func (q *Query) Names() []string {
	var names []string
	if q.Where != nil {
		visit(q.Where, "", func(name string) { names = append(names, name) })
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// visit calls found for the field of every test; field is the field of tests that name none.
func visit(l *List, field string, found func(name string)) {
	for _, c := range l.Clauses {
		switch n := c.X.(type) {
		case *Group:
			visit(n.List, named(n.Field, field), found)
		case *Range:
			report(named(n.Field, field), found)
		case *Test:
			name := named(n.Field, field)
			if name == existsField {
				name = n.Text
			}
			report(name, found)
		}
	}
}

func named(own *Field, around string) string {
	if own != nil {
		return own.Name
	}
	return around
}

func report(name string, found func(name string)) {
	if name != "" && name != "*" && name != existsField {
		found(name)
	}
}
