package plans_test

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
)

// nearEvent makes an event that meets most tests of a condition, each with the given probability.
func nearEvent(r *rand.Rand, e condition.Expr, likely float64) map[string]any {
	source := map[string]any{}
	set := func(field string, value any) {
		if field != "" && r.Float64() < likely {
			source[field] = value
		} else if field != "" && r.IntN(3) == 0 {
			source[field] = "something else"
		}
	}
	plain := strings.NewReplacer("*", "x", "?", "y", `\`, "")
	condition.Map(e, func(leaf condition.Expr) condition.Expr {
		switch leaf := leaf.(type) {
		case condition.Term:
			set(leaf.Field, leaf.Value)
		case condition.Terms:
			set(leaf.Field, leaf.Values[r.IntN(len(leaf.Values))])
		case condition.Wildcard:
			set(leaf.Field, plain.Replace(leaf.Pattern))
		case condition.Prefix:
			set(leaf.Field, leaf.Value+"x")
		case condition.Match:
			set(leaf.Field, leaf.Value)
		case condition.Exists:
			set(leaf.Field, "x")
		}
		return leaf
	})
	return source
}

// under evaluates a trace in which some clauses have the other result.
func under(t condition.Trace, flipped map[string]bool) bool {
	isTrue := func(p condition.Trace) bool { return under(p, flipped) }
	switch t.Op {
	case condition.OpAnd:
		return !slices.ContainsFunc(t.Parts, func(p condition.Trace) bool { return !isTrue(p) })
	case condition.OpOr:
		return slices.ContainsFunc(t.Parts, isTrue)
	case condition.OpNot:
		return !isTrue(t.Parts[0])
	}
	return t.Holds != flipped[t.Text]
}

func clausesOf(t condition.Trace, to []string) []string {
	if t.Op == "" && !slices.Contains(to, t.Text) {
		return append(to, t.Text)
	}
	for _, p := range t.Parts {
		if t.Op != "" {
			to = clausesOf(p, to)
		}
	}
	return to
}

// smallestOf is the size of the smallest set of clauses whose change changes the result, by trying all; -1: there is none.
func smallestOf(t condition.Trace, clauses []string) int {
	best := -1
	for set := range 1 << len(clauses) {
		if size := bits.OnesCount(uint(set)); best < 0 || size < best {
			flipped := map[string]bool{}
			for i, c := range clauses {
				flipped[c] = set>>i&1 == 1
			}
			if under(t, flipped) != t.Holds {
				best = size
			}
		}
	}
	return best
}

// TestDecidingOfRules: of real conditions and events near them, the result of the trace is that of the condition, changing
// the deciding clauses changes it, and no smaller set does.
func TestDecidingOfRules(t *testing.T) {
	const events = 10
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // for variety
	pairs, tried, matching := 0, 0, 0
	for _, rule := range eventRules(t) {
		m, err := condition.Compile(rule.Expr, rule.Fields)
		if err != nil {
			continue
		}
		for n := range events {
			doc := event.NewDocument(nearEvent(r, rule.Expr, []float64{1, 0.9, 0.5}[n%3]))
			trace, err := condition.NewTrace(rule.Expr, rule.Fields, doc)
			if err != nil {
				t.Fatalf("%s: %v", rule.name, err)
			}
			if trace.Holds != m.Match(doc) {
				t.Fatalf("%s: the trace holds: %t\n%s\n%+v", rule.name, trace.Holds, rule.Expr, trace)
			}
			pairs++
			if trace.Holds {
				matching++
			}
			d := condition.Decide(trace)
			flipped := map[string]bool{}
			for _, c := range d.Clauses {
				flipped[c.Text] = true
			}
			if len(d.Clauses) > 0 && under(trace, flipped) == trace.Holds {
				t.Fatalf("%s: %v do not change the result of %+v", rule.name, d.Clauses, trace)
			}
			clauses := clausesOf(trace, nil)
			if len(clauses) > 12 {
				continue
			}
			tried++
			if want := smallestOf(trace, clauses); len(d.Clauses) != max(0, want) || !d.Smallest {
				t.Fatalf("%s: %d clauses decide (smallest: %t), want %d: %v of %+v", rule.name, len(d.Clauses), d.Smallest, want, d.Clauses, trace)
			}
		}
	}
	t.Logf("%d pairs, %d matching, %d compared with all sets", pairs, matching, tried)
	if pairs == 0 || matching == 0 || matching == pairs {
		t.Error("the events are all alike")
	}
}
