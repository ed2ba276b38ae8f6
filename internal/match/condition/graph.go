package condition

import "tocsin/internal/match/mapping"

// graph holds the conditions of a set. It is immutable. What depends on the documents is in an
// [arrangement].
type graph struct {
	columns []mapping.Field
	objects []string
	// nodes are parts of conditions; parts come before the nodes that contain them.
	nodes  []node
	leaves []atom
	// parts holds the parts of all operators.
	parts []int32
	// tests holds the tests of text leaves, numbers the numbers of leaves that compare with numbers.
	tests   []textTest
	numbers [][]number
	// costs holds the relative costs of nodes.
	costs []float32
	// rows holds the tests of residuals.
	rows []rowTest
	// roots holds the root nodes of the members, none for members that could not be compiled.
	roots []int32
	// networks holds each column's tests of addresses.
	networks []networks
	// members and the matchers of the single members exist for checking a set.
	members []Member
	alone   func() []*Matcher
}

// none means no node, column or object.
const none int32 = -1

// node is a part of the conditions. Equal parts of all conditions are one node.
type node struct {
	op operator
	// first and count are the range of an operator's parts in the graph's parts. For a leaf, first
	// is the leaf's number.
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

// atom is a leaf of the graph. Sets are large and most leaves are not evaluated for a given
// document, so an atom is kept small.
type atom struct {
	kind atomKind
	fold bool
	// column is the column of the values, none for objects and rows; object is the number of the
	// object.
	column, object int32
	// test, numbers and row are indices of further data of the leaf, none where there is none.
	test, numbers, row int32
	// text is what values are compared with, or what they must contain before they are tested.
	text string
	// holds tests texts, accept values.
	holds  func(string) bool
	accept accept
	// nested tests the objects of a nested field.
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

// of returns the node's parts, given the parts of all nodes.
func (n node) of(parts []int32) []int32 {
	if n.op == opLeaf {
		return nil
	}
	return parts[n.first : n.first+n.count : n.first+n.count]
}

// leafOf returns the leaf of a node, nil when the node is an operator.
func (g *graph) leafOf(n int32) *atom {
	if g.nodes[n].op != opLeaf {
		return nil
	}
	return &g.leaves[g.nodes[n].first]
}

// testOf returns the text test of a leaf, nil when it has none.
func (g *graph) testOf(l *atom) *textTest {
	if l.test == none {
		return nil
	}
	return &g.tests[l.test]
}

// reach calls found once for every node of a condition, including the root.
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
