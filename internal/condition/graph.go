package condition

import "tocsin/internal/mapping"

// graph is the conditions of a set. It is not changed once it is made: what depends on the documents is
// in an [arrangement].
type graph struct {
	columns []mapping.Field
	objects []string
	// nodes are parts of conditions; parts come before what they are parts of.
	nodes  []node
	leaves []atom
	// parts are those of all operators.
	parts []int32
	// tests are those of text leaves, numbers those of leaves that compare with numbers.
	tests   []textTest
	numbers [][]number
	// costs are those of nodes beside each other.
	costs []float32
	// rows are those of residuals.
	rows []rowTest
	// roots are the nodes of the members, none for those that could not be compiled.
	roots []int32
	// networks are those of each column's tests of addresses.
	networks []networks
	// members and the matchers of each alone are there for what checks a set.
	members []Member
	alone   func() []*Matcher
}

// none stands for no node, column or object.
const none int32 = -1

// node is a part of the conditions. Equal parts of all conditions are one node.
type node struct {
	op operator
	// first and count say where the parts of an operator stand in those of the graph. Of a leaf, first
	// is its number.
	first, count int32
}

type operator uint8

const (
	opFalse operator = iota
	opTrue
	opNot
	opAnd
	opOr
	opLeaf
)

func (o operator) name() string { return [...]string{"false", "true", "not", "and", "or", "leaf"}[o] }

// atom is a leaf of the graph. Sets are large and most of what they hold is not looked at for one document,
// so it holds no more than that takes.
type atom struct {
	kind atomKind
	fold bool
	// column is that of the values, none of objects and rows; object the number of the object.
	column, object int32
	// test, numbers and row are numbers of what is known of the leaf besides, none where there is none.
	test, numbers, row int32
	// text is the one that values are compared with, or that they must contain before they are judged.
	text string
	// holds judges texts, accept values.
	holds  func(string) bool
	accept accept
	// nested judges the objects of a nested field.
	nested *leaf
}

// atomKind is how an atom is evaluated.
type atomKind uint8

const (
	equalAtom atomKind = iota
	textAtom
	valueAtom
	networkAtom
	existsAtom
	objectAtom
	rowAtom
	nestedAtom
)

// rowTest is the test of a residual.
type rowTest struct {
	columns []int32
	holds   func(row []*mapping.Value) bool
}

// partsOf returns the parts of a node, none of a leaf.
func (g *graph) partsOf(n int32) []int32 { return g.nodes[n].of(g.parts) }

// of returns the parts of the node in those of all nodes.
func (n node) of(parts []int32) []int32 {
	if n.op == opLeaf {
		return nil
	}
	return parts[n.first : n.first+n.count : n.first+n.count]
}

// leafOf returns the leaf that a node is, nil when it is none.
func (g *graph) leafOf(n int32) *atom {
	if g.nodes[n].op != opLeaf {
		return nil
	}
	return &g.leaves[g.nodes[n].first]
}

// testOf returns the test of texts that a leaf makes, nil when it makes none.
func (g *graph) testOf(l *atom) *textTest {
	if l.test == none {
		return nil
	}
	return &g.tests[l.test]
}

// reach calls found for every node that a node is made of, itself among them, and each once.
func (g *graph) reach(root int32, found func(n int32)) {
	seen := map[int32]bool{}
	var visit func(n int32)
	visit = func(n int32) {
		if seen[n] {
			return
		}
		seen[n] = true
		found(n)
		for _, p := range g.partsOf(n) {
			visit(p)
		}
	}
	visit(root)
}
