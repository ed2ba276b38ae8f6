package kql

import (
	"slices"
	"strings"
)

// Names returns the fields that the query uses, sorted, each once: full names, in which a star
// matches any characters.
func (q *Query) Names() []string {
	var names []string
	if q.Where != nil {
		visit(q.Where, "", func(name string) { names = append(names, name) })
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// visit calls found for the full name of every field; path is the path of the enclosing group.
func visit(n Node, path string, found func(name string)) {
	switch n := n.(type) {
	case *Is:
		if n.Field != nil && n.Field.Kind != Null {
			found(fullName(path, n.Field))
		}
	case *Range:
		found(fullName(path, n.Field))
	case *Nested:
		found(fullName(path, n.Path))
		visit(n.X, fullName(path, n.Path), found)
	case *Not:
		visit(n.X, path, found)
	case *Logic:
		for _, x := range n.Xs {
			visit(x, path, found)
		}
	}
}

func fullName(path string, field *Value) string {
	name := strings.Join(field.Parts, "*")
	if path == "" {
		return name
	}
	return path + "." + name
}
