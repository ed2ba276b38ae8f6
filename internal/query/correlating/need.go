package correlating

import (
	"cmp"
	"math/bits"

	"tocsin/internal/match/condition"
	"tocsin/internal/query"
)

// maxDecided is the largest number of rules of an extended condition whose combinations are tried.
const maxDecided = 10

// Needs implements [query.Needy]: hits of the rules without which no group is complete.
func (b *bound) Needs() query.Need { return b.need(b.plan.root) }

func (b *bound) need(n *node) query.Need {
	parts := make([]query.Need, len(n.members))
	for i, m := range n.members {
		if m.inner != nil {
			parts[i] = b.need(m.inner)
			continue
		}
		parts[i] = b.leaves[m.leaf].need(m.name)
	}
	switch {
	case n.Spec.Expr != nil:
		return combined(n.Spec.Expr, parts)
	case n.Spec.Type.IsTemporal():
		return query.Need{All: parts}
	}
	return query.Need{Any: parts}
}

// need is that of a rule; a plan without one may have hits.
func (l *boundLeaf) need(name string) query.Need {
	needy, ok := l.Prepared.(query.Needy)
	if !ok {
		return query.Need{Of: name, Where: condition.Const(true), Target: l.Target()}
	}
	need := needy.Needs()
	for _, leaf := range need.Leaves() {
		leaf.Of = cmp.Or(name, leaf.Of)
	}
	return need
}

// combined is what an extended condition needs: one of the least combinations of rules of which it holds.
func combined(holds func([]bool) bool, parts []query.Need) query.Need {
	if len(parts) > maxDecided {
		return query.Need{All: []query.Need{}}
	}
	var least []uint
	for size := range len(parts) + 1 {
	next:
		for mask := range uint(1) << len(parts) {
			if bits.OnesCount(mask) != size {
				continue
			}
			for _, l := range least {
				if mask&l == l {
					continue next
				}
			}
			if matched := chosen(mask, len(parts)); holds(matched) {
				least = append(least, mask)
			}
		}
	}
	if len(least) == 0 {
		return query.Need{Where: condition.Const(false)}
	}
	need := query.Need{Any: []query.Need{}}
	for _, mask := range least {
		one := query.Need{All: []query.Need{}}
		for i, is := range chosen(mask, len(parts)) {
			if is {
				one.All = append(one.All, parts[i])
			}
		}
		need.Any = append(need.Any, one)
	}
	return need
}

func chosen(mask uint, n int) []bool {
	out := make([]bool, n)
	for i := range out {
		out[i] = mask>>i&1 == 1
	}
	return out
}
