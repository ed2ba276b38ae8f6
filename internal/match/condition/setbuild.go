package condition

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strconv"
	"sync"

	"tocsin/internal/diag/failure"
	"tocsin/internal/diag/invariants"
	"tocsin/internal/match/mapping"
)

// NewSet compiles conditions. The errors are the errors of [Compile], by number of the member. A
// member with an error is not in the set and never matches. A crash while compiling a member is its
// error.
func NewSet(members []Member) (*Set, []error) {
	errs := make([]error, len(members))
	crashed := make([]bool, len(members))
	for {
		b, again := newSetBuilder(len(members)), false
		for i, m := range members {
			root := none
			if !crashed[i] {
				root, errs[i] = b.member(m)
				crashed[i], again = b.crashed, again || b.crashed
			}
			b.graph.roots = append(b.graph.roots, root)
		}
		if again {
			continue // A graph that a crash left incomplete is discarded.
		}
		if invariants.Enabled {
			b.graph.members = slices.Clone(members)
			b.graph.alone = sync.OnceValue(b.graph.each)
			b.graph.check()
		}
		return &Set{graph: b.graph}, errs
	}
}

// setBuilder builds the graph of a set: it is a [maker] of nodes.
type setBuilder struct {
	graph   *graph
	columns map[string][]int32
	objects map[string]int32
	nodes   map[string]int32
	// key is a buffer for keys of nodes.
	key []byte
	// under is the mapping of the current member, tests the nodes of the tests compiled under it,
	// by field name and key.
	under mapping.Fields
	tests map[string]int32
	// crashed means that the last member crashed.
	crashed bool
}

func newSetBuilder(members int) *setBuilder {
	some := 8 * members // A usual number of nodes.
	b := &setBuilder{
		graph: &graph{
			roots: make([]int32, 0, members), nodes: make([]node, 0, some), costs: make([]float32, 0, some), leaves: make([]atom, 0, some), tests: make([]textTest, 0, some),
		},
		columns: map[string][]int32{}, objects: map[string]int32{}, nodes: make(map[string]int32, some), tests: make(map[string]int32, some),
	}
	b.constant(false)
	b.constant(true)
	return b
}

// member adds a condition. After a crash the graph is unusable.
func (b *setBuilder) member(m Member) (root int32, err error) {
	b.crashed = false
	defer func() {
		if v := recover(); v != nil {
			b.crashed = true
			root, err = none, failure.Crash("compile a condition", v)
		}
	}()
	if !mapping.Same(b.under, m.Fields) {
		b.under = m.Fields
		clear(b.tests)
	}
	e := m.Expr
	if hasConst(e) { // The graph does everything else that Simplify does.
		e = Simplify(e)
	}
	if root, err = compile(b, e, m.Fields); err != nil {
		return none, err
	}
	return root, nil
}

// test compiles a test that is new under the current mapping.
func (b *setBuilder) test(e Expr, fields mapping.Fields) (int32, error) {
	key, ok := appendLeafKey(appendTextKey(b.key[:0], fieldOf(e)), e)
	b.key = key
	if n, known := b.tests[string(key)]; ok && known {
		return n, nil
	}
	memo := ""
	if ok {
		memo = string(key)
	}
	n, err := compileTest(b, e, fields)
	if err != nil {
		return none, err
	}
	if ok {
		b.tests[memo] = n
	}
	return n, nil
}

// constant returns the node 0 or 1.
func (b *setBuilder) constant(value bool) int32 {
	op := opFalse
	if value {
		op = opTrue
	}
	return b.node(op.name(), node{op: op}, 0)
}

// operator returns the unique node of an operator and its parts.
func (b *setBuilder) operator(op operator, parts []int32, cost float32) int32 {
	b.key = append(b.key[:0], op.name()...)
	for _, p := range parts {
		b.key = binary.LittleEndian.AppendUint32(b.key, uint32(p))
	}
	if i, ok := b.nodes[string(b.key)]; ok {
		return i
	}
	first := int32(len(b.graph.parts))
	b.graph.parts = append(b.graph.parts, parts...)
	return b.node(string(b.key), node{op: op, first: first, count: int32(len(parts))}, cost)
}

// node returns the unique node of a key.
func (b *setBuilder) node(key string, n node, cost float32) int32 {
	if i, ok := b.nodes[key]; ok {
		return i
	}
	i := int32(len(b.graph.nodes))
	b.nodes[key] = i
	b.graph.nodes, b.graph.costs = append(b.graph.nodes, n), append(b.graph.costs, cost)
	return i
}

func (b *setBuilder) not(x int32) int32 {
	switch n := b.graph.nodes[x]; n.op {
	case opTrue, opFalse:
		return b.constant(n.op == opFalse)
	case opNot:
		return b.graph.partsOf(x)[0]
	default:
		return b.operator(opNot, []int32{x}, b.graph.costs[x])
	}
}

// join makes an And or an Or without the constant parts. A constant that decides is the answer.
func (b *setBuilder) join(op operator, parts []int32) int32 {
	parts = b.flat(op, parts)
	if op == opOr {
		parts = b.joinTexts(parts)
	}
	costs := b.graph.costs
	slices.SortFunc(parts, func(x, y int32) int { return cmp.Or(cmp.Compare(costs[x], costs[y]), cmp.Compare(x, y)) })
	parts = slices.Compact(parts)
	absorbing, neutral := opFalse, opTrue
	if op == opOr {
		absorbing, neutral = opTrue, opFalse
	}
	var cost float32
	kept := parts[:0]
	for _, p := range parts {
		switch b.graph.nodes[p].op {
		case absorbing:
			return p
		case neutral:
		default:
			kept = append(kept, p)
			cost += costs[p]
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

// flat replaces nested operators of the same kind by their parts, in a new list.
func (b *setBuilder) flat(op operator, parts []int32) []int32 {
	out := make([]int32, 0, len(parts))
	for _, p := range parts {
		if b.graph.nodes[p].op == op {
			out = append(out, b.graph.partsOf(p)...)
			continue
		}
		out = append(out, p)
	}
	return out
}

// joinTexts merges tests that compare the same column with whole texts.
func (b *setBuilder) joinTexts(parts []int32) []int32 {
	type group struct {
		column int32
		fold   bool
	}
	groupOf := func(p int32) (group, []string) {
		l := b.graph.leafOf(p)
		if l == nil || l.test == none {
			return group{}, nil
		}
		return group{l.column, l.fold}, b.graph.tests[l.test].equal
	}
	count := map[group]int{}
	some := false
	for _, p := range parts {
		if g, equal := groupOf(p); equal != nil {
			count[g]++
			some = some || count[g] > 1
		}
	}
	if !some {
		return parts
	}
	texts := map[group][]string{}
	for _, p := range parts {
		if g, equal := groupOf(p); equal != nil && count[g] > 1 {
			texts[g] = append(texts[g], equal...)
		}
	}
	var out []int32
	for _, p := range parts {
		g, equal := groupOf(p)
		switch {
		case equal == nil || count[g] == 1:
			out = append(out, p)
		case texts[g] != nil:
			all := texts[g]
			texts[g] = nil // All of them are merged into the first one.
			slices.Sort(all)
			out = append(out, b.equalLeaf(g.column, equalTexts(slices.Compact(all), g.fold)))
		}
	}
	return out
}

// column returns the number of a field. Fields of one name that have the same values in every
// document are one column.
func (b *setBuilder) column(f mapping.Field) int32 {
	for _, i := range b.columns[f.Name] {
		if b.graph.columns[i].SameValues(f) {
			return i
		}
	}
	i := int32(len(b.graph.columns))
	b.graph.columns = append(b.graph.columns, f)
	b.graph.networks = append(b.graph.networks, networks{})
	b.columns[f.Name] = append(b.columns[f.Name], i)
	return i
}

func (b *setBuilder) object(name string) int32 {
	if i, ok := b.objects[name]; ok {
		return i
	}
	i := int32(len(b.graph.objects))
	b.graph.objects = append(b.graph.objects, name)
	b.objects[name] = i
	return i
}

// keyOf begins the unique key of a leaf, reusing a buffer.
func keyOf(memory []byte, kind string, column int32) []byte {
	return append(binary.LittleEndian.AppendUint32(append(memory[:0], kind...), uint32(column)), ' ')
}

// equalLeaf returns the leaf of a test for whole texts.
func (b *setBuilder) equalLeaf(column int32, t textTest) int32 {
	b.key = strconv.AppendBool(keyOf(b.key, "equal", column), t.fold)
	for _, text := range t.equal {
		b.key = append(binary.AppendUvarint(b.key, uint64(len(text))), text...)
	}
	if i, ok := b.nodes[string(b.key)]; ok {
		return i
	}
	return b.textLeaf(string(b.key), costEqual, column, t)
}
