package condition

import (
	"fmt"
	"net/netip"
	"strings"

	"tocsin/internal/mapping"
)

// What tests cost beside each other: the cheapest part of an operator is evaluated first.
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

// addLeaf adds a test as compileLeaf compiles one.
func (b *setBuilder) addLeaf(e Expr, fields mapping.Fields) (int32, error) {
	if r, ok := e.(Residual); ok {
		return b.addResidual(r, fields), nil
	}
	if r, ok := e.(Raw); ok {
		return none, fmt.Errorf("query DSL %s: %w", r.text, ErrSearchOnly)
	}
	if t, ok := e.(Term); ok && t.Value == nil {
		return none, fmt.Errorf("field [%s]: null cannot be looked for: %w", t.Field, ErrLiteral)
	}
	if fieldOf(e) == "" {
		return none, fmt.Errorf("%s is about all fields: %w", e, ErrSearchOnly)
	}
	f, mapped := fields.Field(fieldOf(e))
	if _, ok := e.(Exists); ok && mapped {
		return b.addExists(f, fields)
	}
	if !mapped || f.Type.Family() == mapping.FamilyObject {
		_, err := compileNowhere(e)
		return b.constant(false), err
	}
	accept, err := compileValue(e, f)
	if err != nil {
		return none, fmt.Errorf("field [%s] of type [%s]: %w", f.Name, f.Type, err)
	}
	return b.addTest(e, f, accept), nil
}

// addTest adds a test that compiles. Its key is how it is written: two that are written alike mean
// the same on one column.
func (b *setBuilder) addTest(e Expr, f mapping.Field, accept accept) int32 {
	column := b.column(f)
	if t, ok := compileText(e, f); ok {
		switch {
		case t.holds == nil:
			return b.constant(false)
		case t.equal != nil:
			return b.equalLeaf(column, t)
		}
		cost := float32(costPattern)
		if t.scans {
			cost = costRegexp
		}
		return b.textLeaf("leaf"+idOf(column)+e.String(), cost, column, t)
	}
	key := "leaf" + idOf(column) + e.String()
	if prefixes, ok := networksOf(e, f); ok {
		before := len(b.set.leaves)
		i := b.leaf(key, costNetwork, atom{kind: networkLeaf, column: column, test: none})
		if len(b.set.leaves) > before {
			b.cidrs = append(b.cidrs, cidrLeaf{i, column, prefixes})
		}
		return i
	}
	return b.leaf(key, costValue, atom{kind: valueLeaf, column: column, test: none, accept: accept})
}

// networksOf returns the networks of a test that asks for nothing but addresses.
func networksOf(e Expr, f mapping.Field) ([]netip.Prefix, bool) {
	if c, ok := e.(CIDR); ok {
		prefixes, err := prefixesOf(c.Networks)
		return prefixes, err == nil
	}
	if f.Type.Family() != mapping.FamilyIP {
		return nil, false
	}
	var texts []string
	switch l := e.(type) {
	case Term:
		texts = []string{literalText(l.Value)}
	case Match:
		texts = []string{literalText(l.Value)}
	case Terms:
		for _, value := range l.Values {
			texts = append(texts, literalText(value))
		}
	default:
		return nil, false
	}
	prefixes, err := prefixesOf(texts)
	return prefixes, err == nil
}

func longest(literals []string) string {
	best := ""
	for _, l := range literals {
		if len(l) > len(best) {
			best = l
		}
	}
	return best
}

// addExists adds what compileExists compiles.
func (b *setBuilder) addExists(f mapping.Field, fields mapping.Fields) (int32, error) {
	if f.Type.Family() == mapping.FamilyObject {
		if f.Members == nil && f.Type != mapping.Nested {
			return b.addObject(f.Source()), nil
		}
		members := make(Or, len(f.Members))
		for i, name := range f.Members {
			members[i] = Exists{Field: name}
		}
		return b.addAll(members, fields, opOr)
	}
	if err := f.InMemory(); err != nil {
		return none, fmt.Errorf("field [%s] of type [%s]: %w", f.Name, f.Type, err)
	}
	column := b.column(f)
	exists := b.leaf("leaf"+idOf(column)+"exists", costExists, atom{kind: existsLeaf, column: column, test: none})
	if f.Type == mapping.Unknown {
		return b.join(opOr, []int32{exists, b.addObject(f.Source())}), nil
	}
	return exists, nil
}

func (b *setBuilder) addObject(name string) int32 {
	i := b.object(name)
	return b.leaf("object"+idOf(i), costObject, atom{kind: objectLeaf, column: none, test: none, object: i})
}

// addResidual shares a residual with those of the same text that see its fields alike.
func (b *setBuilder) addResidual(r Residual, fields mapping.Fields) int32 {
	columns := make([]int32, len(r.Fields))
	for i, name := range r.Fields {
		columns[i] = none
		if f, mapped := fields.Field(name); mapped {
			columns[i] = b.column(f)
		}
	}
	key := "row" + idOf(columns...) + strings.Join(r.Fields, "\x00") + "\x00" + r.Text
	before := len(b.set.leaves)
	i := b.leaf(key, costRow, atom{kind: rowLeaf, column: none, test: none, row: int32(len(b.set.rows))})
	if len(b.set.leaves) > before {
		b.set.rows = append(b.set.rows, rowTest{columns, r.Holds})
	}
	return i
}

// addNested adds a test of the objects of a nested field. What it looks at within them is no column of
// the set, so it is shared with nothing: mappings may see the objects in different ways.
func (b *setBuilder) addNested(n Nested, fields mapping.Fields) (int32, error) {
	holds, err := compileNested(n, fields)
	if err != nil {
		return none, err
	}
	key := "nested" + idOf(int32(len(b.set.leaves)))
	return b.leaf(key, costNested, atom{kind: nestedLeaf, column: none, test: none, nested: holds}), nil
}

// finish makes what speeds up matching, once everything is known.
func (b *setBuilder) finish() {
	s := b.set
	s.networks = make([]networks, len(s.columns))
	for _, c := range b.cidrs {
		for _, p := range c.prefixes {
			s.networks[c.column].add(p, c.node)
		}
	}
	s.costs = b.costs
	s.arrange(nil)
}
