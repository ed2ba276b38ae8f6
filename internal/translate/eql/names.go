package eql

import "slices"

// Names returns the fields that the query asks for, sorted, each once; the category field is
// among them when the query names a category.
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
	switch n := n.(type) {
	case *Field:
		c.names = append(c.names, n.Name)
	case *Call:
		c.nodes(n.Args)
	case *Negative:
		c.node(n.X)
	case *Arithmetic:
		c.nodes([]Node{n.X, n.Y})
	case *Comparison:
		c.nodes([]Node{n.X, n.Y})
	case *In:
		c.node(n.X)
		c.nodes(n.Values)
	case *Match:
		c.node(n.X)
	case *Not:
		c.node(n.X)
	case *Logic:
		c.nodes(n.Xs)
	}
}
