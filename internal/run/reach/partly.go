package reach

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
)

// partly are the parts with which a rule that can match cannot.
func (b *Bound) partly(need *query.Need, impossible map[*query.Need][]Cause) []Cause {
	var out []Cause
	target := b.Prepared.Target()
	for _, name := range target.Missing {
		out = append(out, noIndex(name))
	}
	for _, u := range slices.Concat(target.Unread, target.Partly) {
		if u.Why != failure.Closed {
			out = append(out, unread(u))
		}
	}
	for _, name := range target.Closed {
		out = append(out, Cause{Kind: Closed, What: name, Text: "the index " + name + " is closed"})
	}
	for _, d := range b.Diags {
		if d.Field != "" {
			out = append(out, Cause{Kind: Missing, What: d.Field, Text: "no index has " + d.Field})
		}
	}
	for _, leaf := range need.Leaves() {
		out = append(out, impossible[leaf]...)
		out = append(out, shortened(leaf)...)
	}
	return unrepeated(out)
}

// usualLimit is the ignore_above of ECS.
const usualLimit = 1024

// shortened are the fields of a condition that leave out values that ECS keeps.
func shortened(leaf *query.Need) []Cause {
	if len(leaf.Target.Indices) == 0 {
		return nil
	}
	var out []Cause
	asked := map[string]bool{}
	condition.Walk(leaf.Where, func(one condition.Expr) {
		if l, ok := one.(condition.LeftOut); ok {
			asked[l.Field] = true
		}
	})
	ecs := mapping.ECS()
	for _, name := range condition.Fields(leaf.Where) {
		f, mapped := leaf.Target.Fields.Field(name)
		if !mapped || f.IgnoreAbove == 0 || asked[name] {
			continue
		}
		usual, known := ecs.Field(strings.TrimSuffix(name, ".keyword"))
		if known && usual.Type == mapping.Wildcard || f.IgnoreAbove < usualLimit {
			out = append(out, Cause{
				Kind: Shortened, What: name, Of: leaf.Of,
				Text: fmt.Sprintf("values of %s longer than %d characters are not indexed (ignore_above)", name, f.IgnoreAbove),
			})
		}
	}
	return out
}
