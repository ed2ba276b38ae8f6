package condition

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"tocsin/internal/mapping"
)

// setBuilder makes the graph of a set.
type setBuilder struct {
	set     *Set
	columns map[string][]int32
	objects map[string]int32
	nodes   map[string]int32
	cidrs   []cidrLeaf
	// costs of nodes order their parts.
	costs []float32
}

// cidrLeaf is a test of addresses whose networks have yet to be added to those of its column.
type cidrLeaf struct {
	node, column int32
	prefixes     []netip.Prefix
}

func newSetBuilder() *setBuilder {
	b := &setBuilder{
		set: &Set{}, columns: map[string][]int32{}, objects: map[string]int32{}, nodes: map[string]int32{},
	}
	b.constant(false)
	b.constant(true)
	return b
}

// constant is the node 0 or 1.
func (b *setBuilder) constant(value bool) int32 {
	op := opFalse
	if value {
		op = opTrue
	}
	return b.node(op.name(), node{op: op}, 0)
}

func (o operator) name() string { return [...]string{"false", "true", "not", "and", "or", "leaf"}[o] }

// operator returns the one node of an operator and its parts.
func (b *setBuilder) operator(op operator, parts []int32, cost float32) int32 {
	first := int32(len(b.set.parts))
	before := len(b.set.nodes)
	i := b.node(op.name()+idOf(parts...), node{op: op, first: first, count: int32(len(parts))}, cost)
	if len(b.set.nodes) > before {
		b.set.parts = append(b.set.parts, parts...)
	}
	return i
}

// node returns the one node of a key.
func (b *setBuilder) node(key string, n node, cost float32) int32 {
	if i, ok := b.nodes[key]; ok {
		return i
	}
	i := int32(len(b.set.nodes))
	b.nodes[key] = i
	b.set.nodes, b.costs = append(b.set.nodes, n), append(b.costs, cost)
	return i
}

// add adds a condition, as compile compiles one.
func (b *setBuilder) add(e Expr, fields mapping.Fields) (int32, error) {
	switch e := e.(type) {
	case Const:
		return b.constant(bool(e)), nil
	case Not:
		x, err := b.add(e.X, fields)
		if err != nil {
			return none, err
		}
		return b.not(x), nil
	case And:
		return b.addAll(e, fields, opAnd)
	case Or:
		return b.addAll(e, fields, opOr)
	case Nested:
		return b.addNested(e, fields)
	default:
		return b.addLeaf(e, fields)
	}
}

func (b *setBuilder) not(x int32) int32 {
	switch n := b.set.nodes[x]; n.op {
	case opTrue, opFalse:
		return b.constant(n.op == opFalse)
	case opNot:
		return b.set.partsOf(x)[0]
	default:
		return b.operator(opNot, []int32{x}, b.costs[x])
	}
}

func (b *setBuilder) addAll(members []Expr, fields mapping.Fields, op operator) (int32, error) {
	parts := make([]int32, len(members))
	for i, m := range members {
		var err error
		if parts[i], err = b.add(m, fields); err != nil {
			return none, err
		}
	}
	return b.join(op, parts), nil
}

// join makes an And or an Or, less the parts that do not decide. One that alone decides is the answer.
func (b *setBuilder) join(op operator, parts []int32) int32 {
	parts = b.flat(op, parts)
	if op == opOr {
		parts = b.joinTexts(parts)
	}
	slices.SortFunc(parts, func(x, y int32) int {
		return cmp.Or(cmp.Compare(b.costs[x], b.costs[y]), cmp.Compare(x, y))
	})
	parts = slices.Compact(parts)
	absorbing, neutral := opFalse, opTrue
	if op == opOr {
		absorbing, neutral = opTrue, opFalse
	}
	var cost float32
	kept := parts[:0]
	for _, p := range parts {
		switch b.set.nodes[p].op {
		case absorbing:
			return p
		case neutral:
		default:
			kept = append(kept, p)
			cost += b.costs[p]
		}
	}
	switch len(kept) {
	case 0:
		return b.constant(neutral == opTrue)
	case 1:
		return kept[0]
	}
	return b.operator(op, kept, cost)
}

// flat puts the parts of equal operators in their place.
func (b *setBuilder) flat(op operator, parts []int32) []int32 {
	out := make([]int32, 0, len(parts))
	for _, p := range parts {
		if b.set.nodes[p].op == op {
			out = append(out, b.set.partsOf(p)...)
			continue
		}
		out = append(out, p)
	}
	return out
}

// joinTexts makes one test of those that compare one column with whole texts.
func (b *setBuilder) joinTexts(parts []int32) []int32 {
	type group struct {
		column int32
		fold   bool
	}
	texts := map[group][]string{}
	count := map[group]int{}
	groupOf := func(p int32) (group, []string, bool) {
		l := b.set.leafOf(p)
		if l == nil || l.test == none {
			return group{}, nil, false
		}
		equal := b.set.tests[l.test].equal
		return group{l.column, l.fold}, equal, equal != nil
	}
	for _, p := range parts {
		if g, equal, ok := groupOf(p); ok {
			texts[g] = append(texts[g], equal...)
			count[g]++
		}
	}
	var out []int32
	for _, p := range parts {
		g, _, ok := groupOf(p)
		switch {
		case !ok || count[g] == 1:
			out = append(out, p)
		case count[g] > 1:
			count[g] = 0 // They are all in the first one's place.
			slices.Sort(texts[g])
			out = append(out, b.equalLeaf(g.column, equalTexts(slices.Compact(texts[g]), g.fold)))
		}
	}
	return out
}

func idOf(parts ...int32) string {
	id := make([]byte, 0, 4*len(parts))
	for _, p := range parts {
		id = binary.LittleEndian.AppendUint32(id, uint32(p))
	}
	return string(id)
}

// column returns the number of a field. Fields of one name that have the same values everywhere are
// one column.
func (b *setBuilder) column(f mapping.Field) int32 {
	for _, i := range b.columns[f.Name] {
		if b.set.columns[i].SameValues(f) {
			return i
		}
	}
	i := int32(len(b.set.columns))
	b.set.columns = append(b.set.columns, f)
	b.columns[f.Name] = append(b.columns[f.Name], i)
	return i
}

func (b *setBuilder) object(name string) int32 {
	if i, ok := b.objects[name]; ok {
		return i
	}
	i := int32(len(b.set.objects))
	b.set.objects = append(b.set.objects, name)
	b.objects[name] = i
	return i
}

// leaf returns the one node of a test, which the key tells from all others.
func (b *setBuilder) leaf(key string, cost float32, l atom) int32 {
	if i, ok := b.nodes[key]; ok {
		return i
	}
	b.set.leaves = append(b.set.leaves, l)
	return b.node(key, node{op: opLeaf, first: int32(len(b.set.leaves) - 1)}, cost)
}

// equalLeaf returns the leaf of a test for whole texts.
func (b *setBuilder) equalLeaf(column int32, t textTest) int32 {
	return b.textLeaf(fmt.Sprintf("leaf%s equal %t %q", idOf(column), t.fold, t.equal), costEqual, column, t)
}

// textLeaf returns the leaf of a test of texts.
func (b *setBuilder) textLeaf(key string, cost float32, column int32, t textTest) int32 {
	l := atom{kind: textLeaf, fold: t.fold, column: column, test: int32(len(b.set.tests)), row: none, holds: t.holds}
	switch {
	case len(t.equal) == 1:
		l.kind, l.text = equalLeaf, t.equal[0]
	case t.scans:
		l.text = longest(t.literals)
	}
	before := len(b.set.leaves)
	i := b.leaf(key, cost, l)
	if len(b.set.leaves) > before {
		b.set.tests = append(b.set.tests, t)
	}
	return i
}

// partsOf returns the parts of a node, none of a leaf.
func (s *Set) partsOf(n int32) []int32 {
	if s.nodes[n].op == opLeaf {
		return nil
	}
	return s.parts[s.nodes[n].first : s.nodes[n].first+s.nodes[n].count]
}

// leafOf returns the leaf that a node is, nil when it is none.
func (s *Set) leafOf(n int32) *atom {
	if s.nodes[n].op != opLeaf {
		return nil
	}
	return &s.leaves[s.nodes[n].first]
}
