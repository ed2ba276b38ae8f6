package eql

import "slices"

// Names returns the fields that the query uses, sorted, each once. They include the category field
// if the query names a category.
func (q *Query) Names(categoryField string) []string {
	if categoryField == "" {
		categoryField = DefaultCategoryField
	}
	c := nameCollector{category: categoryField}
	switch {
	case q.Event != nil:
		c.event(q.Event)
	case q.Sequence != nil:
		c.nodes(q.Sequence.By)
		c.terms(q.Sequence.Terms)
		if q.Sequence.Until != nil {
			c.terms([]Term{*q.Sequence.Until})
		}
	case q.Sample != nil:
		c.nodes(q.Sample.By)
		c.terms(q.Sample.Terms)
	}
	slices.Sort(c.names)
	return slices.Compact(c.names)
}

type nameCollector struct {
	category string
	names    []string
}

func (c *nameCollector) terms(terms []Term) {
	for _, t := range terms {
		c.event(&t.Query)
		c.nodes(t.By)
	}
}

func (c *nameCollector) event(q *EventQuery) {
	if !q.Any {
		c.names = append(c.names, c.category)
	}
	c.node(q.Where)
}

func (c *nameCollector) nodes(nodes []Node) {
	for _, n := range nodes {
		c.node(n)
	}
}

func (c *nameCollector) node(n Node) {
	visitFields(n, func(f *Field) { c.names = append(c.names, f.Name) })
}

// visitFields calls visit for every field of an expression, in order.
func visitFields(n Node, visit func(*Field)) {
	switch n := n.(type) {
	case *Field:
		visit(n)
	case *Call:
		visitAll(n.Args, visit)
	case *Negative:
		visitFields(n.X, visit)
	case *Arithmetic:
		visitAll([]Node{n.X, n.Y}, visit)
	case *Comparison:
		visitAll([]Node{n.X, n.Y}, visit)
	case *In:
		visitFields(n.X, visit)
		visitAll(n.Values, visit)
	case *Match:
		visitFields(n.X, visit)
	case *Not:
		visitFields(n.X, visit)
	case *Logic:
		visitAll(n.Xs, visit)
	}
}

func visitAll(nodes []Node, visit func(*Field)) {
	for _, n := range nodes {
		visitFields(n, visit)
	}
}
