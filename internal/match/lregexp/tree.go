package lregexp

// op is the operation of a node.
type op uint8

const (
	opSet    op = iota // one code point of set
	opText             // characters, each an opSet, in order; if empty, see [compiler.build]
	opConcat           // subs in order
	opUnion            // one of subs; if empty, no string
	opAnd              // strings that all subs match
	opNot              // strings that subs[0] does not match
	opRepeat           // subs[0], min to max times
)

// unlimited is the max of a repetition without an upper bound.
const unlimited = -1

// node is a pattern as a tree. Trees may share nodes and are immutable.
type node struct {
	op       op
	set      charset
	subs     []*node
	min, max int
}

func oneOf(set charset) *node       { return &node{op: opSet, set: set} }
func one(spans ...span) *node       { return oneOf(newSet(spans...)) }
func text(chars ...*node) *node     { return &node{op: opText, subs: chars} }
func concat(subs ...*node) *node    { return joined(opConcat, subs) }
func union(subs ...*node) *node     { return joined(opUnion, subs) }
func intersect(subs ...*node) *node { return joined(opAnd, subs) }

// joined returns an operation on operands; a single operand needs none.
func joined(op op, subs []*node) *node {
	if len(subs) == 1 {
		return subs[0]
	}
	return &node{op: op, subs: subs}
}

func repeat(sub *node, low, high int) *node {
	return &node{op: opRepeat, subs: []*node{sub}, min: low, max: high}
}

// eachSet calls f with every set in the tree.
func (n *node) eachSet(f func(charset)) {
	if n.op == opSet {
		f(n.set)
	}
	for _, sub := range n.subs {
		sub.eachSet(f)
	}
}

// sequence joins the parts of a concatenation, and the texts among them, in the same way as Lucene: a text
// with the next text, and at the end with the text of an adjacent group. The result determines where empty
// text remains, which Lucene does not treat equally in every mode; see [compiler.build].
func sequence(parts []*node) *node {
	var subs []*node
	for _, part := range parts {
		if n := len(subs); n > 0 && subs[n-1].op == opText && part.op == opText {
			subs[n-1] = text(append(subs[n-1].subs, part.subs...)...)
			continue
		}
		subs = append(subs, part)
	}
	if len(subs) == 1 {
		return subs[0]
	}
	n := len(subs) - 2
	x, y := subs[n], subs[n+1]
	switch {
	case x.op == opText && y.op == opConcat && y.subs[0].op == opText:
		head := text(append(x.subs, y.subs[0].subs...)...)
		subs = append(append(subs[:n], head), y.subs[1:]...)
	case x.op == opConcat && len(x.subs) == 2 && x.subs[1].op == opText && y.op == opText:
		tail := text(append(x.subs[1].subs, y.subs...)...)
		subs = append(subs[:n], x.subs[0], tail)
	}
	return concat(subs...)
}
