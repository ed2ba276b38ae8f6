package lint

import (
	"tocsin/internal/diag"
	"tocsin/internal/translate/eql"
	"tocsin/internal/translate/kql"
	"tocsin/internal/translate/lucene"
)

// conditions yields the condition of each event of an EQL query.
func conditions(q *eql.Query) []*eql.EventQuery {
	var out []*eql.EventQuery
	if q.Event != nil {
		out = append(out, q.Event)
	}
	terms := func(list []eql.Term) {
		for i := range list {
			out = append(out, &list[i].Query)
		}
	}
	if s := q.Sequence; s != nil {
		terms(s.Terms)
		if s.Until != nil {
			out = append(out, &s.Until.Query)
		}
	}
	if q.Sample != nil {
		terms(q.Sample.Terms)
	}
	return out
}

// eachEQL visits the nodes of all conditions, parents first.
func eachEQL(q *eql.Query, visit func(eql.Node)) {
	for _, c := range conditions(q) {
		walkEQL(c.Where, visit)
	}
}

func walkEQL(n eql.Node, visit func(eql.Node)) {
	if n == nil {
		return
	}
	visit(n)
	all := func(list []eql.Node) {
		for _, x := range list {
			walkEQL(x, visit)
		}
	}
	switch n := n.(type) {
	case *eql.Call:
		all(n.Args)
	case *eql.Negative:
		walkEQL(n.X, visit)
	case *eql.Arithmetic:
		all([]eql.Node{n.X, n.Y})
	case *eql.Comparison:
		all([]eql.Node{n.X, n.Y})
	case *eql.In:
		walkEQL(n.X, visit)
		all(n.Values)
	case *eql.Match:
		walkEQL(n.X, visit)
	case *eql.Not:
		walkEQL(n.X, visit)
	case *eql.Logic:
		all(n.Xs)
	}
}

// fieldName returns the name of a field, "" for another node.
func fieldName(n eql.Node) (string, diag.Span) {
	if f, ok := n.(*eql.Field); ok {
		return f.Name, f.Span
	}
	return "", diag.Span{}
}

// eachKQL visits the nodes of a condition, parents first, with the nested object that they are in.
func eachKQL(n kql.Node, path string, visit func(n kql.Node, path string)) {
	if n == nil {
		return
	}
	visit(n, path)
	switch n := n.(type) {
	case *kql.Nested:
		eachKQL(n.X, join(path, n.Path), visit)
	case *kql.Not:
		eachKQL(n.X, path, visit)
	case *kql.Logic:
		for _, x := range n.Xs {
			eachKQL(x, path, visit)
		}
	}
}

// join returns the full name of a field in a nested object; "" if it is a pattern or there is no field.
func join(path string, field *kql.Value) string {
	switch {
	case field == nil || len(field.Parts) != 1:
		return ""
	case path == "":
		return field.Text()
	}
	return path + "." + field.Text()
}

// eachIs visits the tests of values in a KQL query, with the full names of their fields.
func eachIs(q *kql.Query, visit func(n *kql.Is, field string)) {
	eachKQL(q.Where, "", func(n kql.Node, path string) {
		if is, ok := n.(*kql.Is); ok {
			visit(is, join(path, is.Field))
		}
	})
}

// eachTest visits the tests of values in a Lucene query, with the names of their fields; "" stands for all fields.
func eachTest(q *lucene.Query, visit func(n *lucene.Test, field *lucene.Field)) {
	if q.Where != nil {
		walkLucene(q.Where, nil, visit)
	}
}

func walkLucene(l *lucene.List, of *lucene.Field, visit func(n *lucene.Test, field *lucene.Field)) {
	for _, c := range l.Clauses {
		switch n := c.X.(type) {
		case *lucene.Group:
			field := of
			if n.Field != nil {
				field = n.Field
			}
			walkLucene(n.List, field, visit)
		case *lucene.Test:
			field := of
			if n.Field != nil {
				field = n.Field
			}
			if field == nil {
				field = &lucene.Field{}
			}
			visit(n, field)
		}
	}
}
