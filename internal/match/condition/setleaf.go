package condition

import (
	"strconv"

	"tocsin/internal/match/mapping"
)

// The relative costs of tests: the cheapest part of an operator is evaluated first.
const (
	costEqual   = 1
	costExists  = 1
	costValue   = 3
	costPattern = 4
	costNetwork = 5
	costObject  = 6
	costRegexp  = 20
	costRow     = 100
	costNested  = 500
)

// leaf returns the unique node of a test.
func (b *setBuilder) leaf(l leaf) int32 {
	switch l.kind {
	case valueLeaf:
		return b.valueLeaf(&l)
	case existsLeaf:
		column := b.column(l.field)
		return b.atom(string(keyOf(b.key, "exists", column)), costExists, newAtom(existsAtom, column))
	case objectLeaf:
		a := newAtom(objectAtom, none)
		a.object = b.object(l.name)
		return b.atom(string(keyOf(b.key, "object", a.object)), costObject, a)
	case rowLeaf:
		return b.rowLeaf(&l)
	default:
		return b.nestedLeaf(l)
	}
}

// nestedLeaf is not shared: fields within objects are not columns of the set, and mappings may see
// the objects differently.
func (b *setBuilder) nestedLeaf(l leaf) int32 {
	a := newAtom(nestedAtom, none)
	a.nested = &l
	return b.atom(string(keyOf(b.key, "nested", int32(len(b.graph.leaves)))), costNested, a)
}

func newAtom(kind atomKind, column int32) atom {
	return atom{kind: kind, column: column, object: none, test: none, numbers: none, row: none}
}

// atom returns the unique node of a key.
func (b *setBuilder) atom(key string, cost float32, a atom) int32 {
	if i, ok := b.nodes[key]; ok {
		return i
	}
	b.graph.leaves = append(b.graph.leaves, a)
	return b.node(key, node{op: opLeaf, first: int32(len(b.graph.leaves) - 1)}, cost)
}

// valueLeaf shares a test among leaves with the same key.
func (b *setBuilder) valueLeaf(l *leaf) int32 {
	column := b.column(l.field)
	if l.value.text.equal != nil {
		return b.equalLeaf(column, l.value.text)
	}
	b.key, _ = appendLeafKey(keyOf(b.key, "value", column), l.expr)
	if i, ok := b.nodes[string(b.key)]; ok {
		return i
	}
	key, v := string(b.key), l.value.complete()
	switch {
	case v.text.holds != nil && v.text.scans:
		return b.textLeaf(key, costRegexp, column, v.text)
	case v.text.holds != nil:
		return b.textLeaf(key, costPattern, column, v.text)
	case v.networks != nil:
		i := b.atom(key, costNetwork, newAtom(networkAtom, column))
		for _, p := range v.networks {
			b.graph.networks[column].add(p, i)
		}
		return i
	}
	a := newAtom(valueAtom, column)
	a.accept = v.accept
	if v.numbers != nil {
		a.numbers = int32(len(b.graph.numbers))
		b.graph.numbers = append(b.graph.numbers, v.numbers)
	}
	return b.atom(key, costValue, a)
}

// textLeaf returns the leaf of a text test.
func (b *setBuilder) textLeaf(key string, cost float32, column int32, t textTest) int32 {
	if i, ok := b.nodes[key]; ok {
		return i
	}
	a := newAtom(textAtom, column)
	a.fold, a.test, a.holds = t.fold, int32(len(b.graph.tests)), t.holds
	switch {
	case len(t.equal) == 1:
		a.kind, a.text = equalAtom, t.equal[0]
	case t.scans:
		a.text = longest(t.literals)
	}
	b.graph.tests = append(b.graph.tests, t)
	return b.atom(key, cost, a)
}

// rowLeaf shares a residual among leaves with the same text and the same mapping of its fields.
func (b *setBuilder) rowLeaf(l *leaf) int32 {
	columns := make([]int32, len(l.fields))
	key := []byte("row ")
	for i, f := range l.fields {
		columns[i] = none
		if f.mapped {
			columns[i] = b.column(f.Field)
		}
		key = append(append(strconv.AppendInt(key, int64(columns[i]), 10), ' '), l.names[i]...)
	}
	key = append(append(key, 0), l.text...)
	if i, ok := b.nodes[string(key)]; ok {
		return i
	}
	if len(l.literals) > 0 && len(columns) == 1 && columns[0] != none && b.graph.columns[columns[0]].Type == mapping.SourceText {
		holds := l.holds
		return b.textLeaf(string(key), costRow, columns[0], textTest{
			holds:    func(s string) bool { return holds([]*mapping.Value{{String: s}}) },
			literals: bytesOnly([][]string{l.literals}), scans: true,
		})
	}
	a := newAtom(rowAtom, none)
	a.row = int32(len(b.graph.rows))
	b.graph.rows = append(b.graph.rows, rowTest{columns, l.holds})
	return b.atom(string(key), costRow, a)
}

// longest returns the longest of the texts that are a list by themselves; "" if there is none.
func longest(literals [][]string) string {
	best := ""
	for _, list := range literals {
		if len(list) == 1 && len(list[0]) > len(best) {
			best = list[0]
		}
	}
	return best
}
