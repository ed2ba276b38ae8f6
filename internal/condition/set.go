package condition

import (
	"tocsin/internal/mapping"
)

// Set is many conditions that are matched against a document together: what they share is looked at
// once. Each gets the answer that a [Matcher] of its own would give. It is safe for concurrent use;
// every goroutine needs a [Matching] of its own.
//
// The flow: [NewSet] makes one graph of all conditions, in which equal parts are one node, and finds
// for each condition tests of texts of which one at least must hold ([Set.anchors]). [Matching.Match]
// looks up the texts that a document has, is led by them to the few conditions that can be true, and
// evaluates those and the conditions without an anchor, no node twice.
type Set struct {
	columns []mapping.Field
	objects []string
	nodes   []node
	leaves  []atom
	// parts are those of all operators.
	parts []int32
	// tests are those of text leaves.
	tests []textTest
	// costs are those of nodes beside each other.
	costs []float32
	// rows are those of residuals.
	rows []rowTest
	// roots are the nodes of the members, none for those that could not be compiled.
	roots []int32
	// anchors lead from the texts of a column to members, by number of the column.
	anchors []anchors
	// texts are the whole texts that lead to tests.
	texts textTable
	// led are the members that a node leads to when it holds.
	led [][]int32
	// always are the members that no text leads to.
	always []int32
	// networks are those of each column's tests of addresses.
	networks []networks
}

// Member is a condition of a [Set], with the mapping that it is read under. Members may see one name
// in different ways; what they share is found out from what they see.
type Member struct {
	Expr   Expr
	Fields mapping.Fields
}

// Columns is a document as a [Set] reads it: its fields have the numbers of [Set.Fields], its objects
// those of [Set.Objects]. It may have further ones, with higher numbers.
type Columns interface {
	Document
	// Filled appends to dst the numbers of the fields that have values; it may name more than those.
	Filled(dst []int32) []int32
	// Column returns the indexed values of a field. They are not changed before the next document.
	Column(i int) []mapping.Value
	// Texts returns the String of each value of a field. They are not changed before the next document.
	Texts(i int) []string
	// ObjectAt reports whether any value stands at or below the name of an object.
	ObjectAt(i int) bool
}

// NewSet compiles conditions. The errors are those of [Compile], by number of the member: a member
// with an error is not in the set and never found.
func NewSet(members []Member) (*Set, []error) {
	b := newSetBuilder()
	errs := make([]error, len(members))
	for i, m := range members {
		var root int32
		if root, errs[i] = b.add(Simplify(m.Expr), m.Fields); errs[i] != nil {
			root = none
		}
		b.set.roots = append(b.set.roots, root)
	}
	b.finish()
	return b.set, errs
}

// Fields returns the fields that the conditions read, by number.
func (s *Set) Fields() []mapping.Field { return s.columns }

// Objects returns the names of which the conditions ask whether anything stands there, by number.
func (s *Set) Objects() []string { return s.objects }

// Len returns the number of members, those with errors among them.
func (s *Set) Len() int { return len(s.roots) }

// Of numbers the fields of any document.
func (s *Set) Of(d Document) Columns { return numbered{d, s} }

type numbered struct {
	Document
	set *Set
}

func (n numbered) Filled(dst []int32) []int32 {
	for i := range n.set.columns {
		dst = append(dst, int32(i))
	}
	return dst
}

func (n numbered) Column(i int) []mapping.Value { return n.Document.Values(n.set.columns[i]) }

func (n numbered) Texts(i int) []string {
	values := n.Column(i)
	texts := make([]string, len(values))
	for j := range values {
		texts[j] = values[j].String
	}
	return texts
}

func (n numbered) ObjectAt(i int) bool { return n.Document.HasObject(n.set.objects[i]) }

// none stands for no node, column or object.
const none int32 = -1

// node is a part of the conditions. Equal parts of all conditions are one node.
type node struct {
	op operator
	// first and count say where the parts of an operator stand in those of the set. Of a leaf, first
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

// atom is the test of one field, or of a row of several. Sets are large and most of what they hold is
// not looked at for one document, so it holds no more than that takes.
type atom struct {
	kind leafKind
	fold bool
	// column is that of the values, none of objects and rows; object the number of the object.
	column, object int32
	// test and row are numbers of what is known of the leaf besides.
	test, row int32
	// text is the one that values are compared with, or that they must contain before they are judged.
	text string
	// holds judges texts, accept values.
	holds  func(string) bool
	accept accept
	// nested judges the objects of a nested field.
	nested test
}

// rowTest is the test of a residual.
type rowTest struct {
	columns []int32
	holds   func(row []*mapping.Value) bool
}

type leafKind uint8

const (
	equalLeaf leafKind = iota
	textLeaf
	valueLeaf
	existsLeaf
	objectLeaf
	networkLeaf
	rowLeaf
	nestedLeaf
)
