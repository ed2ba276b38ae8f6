package condition_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
)

// Members share an Or of which two branches have the same test: the anchor of one member must not
// change for the others.
func TestSetOfMembersThatShareAnOr(t *testing.T) {
	text := func(field, value string) condition.Expr { return condition.Term{Field: field, Value: value} }
	like := condition.Wildcard{Field: "p", Pattern: "*shell*"}
	shared := condition.Or{
		condition.And{like, text("k", "a")}, condition.And{like, text("k", "abcde")}, condition.And{text("k.low", "x"), like},
	}
	copies := []condition.Expr{shared}
	for _, value := range []string{"1", "2", "3"} {
		copies = append(copies, condition.And{shared, condition.Not{X: text("o.k", value)}})
	}
	members := make([]condition.Member, len(copies))
	for i, c := range copies {
		members[i] = condition.Member{Expr: c, Fields: setFields[0]}
	}
	set, _ := condition.NewSet(members)
	document := event.NewDocument(map[string]any{"p": "powershell", "k": "a", "o.k": "2"})
	if got := set.NewMatching().Match(set.Of(document), nil); !slices.Equal(got, []int32{0, 1, 3}) {
		t.Errorf("found %v, want all but the one whose exception holds", got)
	}
}

// TestSetOfRelatedMembersAgreesWithMatchers: rules that consist of the same parts, and copies of
// them with typical changes: another exception, another branch, the opposite, one more value.
func TestSetOfRelatedMembersAgreesWithMatchers(t *testing.T) {
	var seen tally
	rapid.Check(t, func(t *rapid.T) { seen.agree(t, relatedMembers(t)) })
	seen.report(t)
}

func relatedMembers(t *rapid.T) []condition.Member {
	tests := rapid.SampledFrom(rapid.SliceOfN(setLeaf, 2, 5).Draw(t, "tests"))
	parts := rapid.SampledFrom(rapid.SliceOfN(setTree(2, tests), 2, 6).Draw(t, "parts"))
	fields := rapid.SampledFrom(setFields)
	one := rapid.SampledFrom(setFields).Draw(t, "mapping")
	var members []condition.Member
	for range rapid.IntRange(1, 6).Draw(t, "rules") {
		shared := rapid.SliceOfN(parts, 1, 4).Draw(t, "shared")
		rule := condition.Expr(condition.Or(shared))
		if rapid.Bool().Draw(t, "all of them") {
			rule = condition.And(shared)
		}
		members = append(members, condition.Member{Expr: rule, Fields: one})
		for range rapid.IntRange(1, 4).Draw(t, "copies") {
			m := condition.Member{Expr: changedOnce(t, rule, parts), Fields: one}
			if rapid.IntRange(0, 7).Draw(t, "elsewhere") == 0 {
				m.Fields = fields.Draw(t, "its mapping")
			}
			if rapid.Bool().Draw(t, "of the copy") {
				rule = m.Expr
			}
			members = append(members, m)
		}
	}
	return rapid.Permutation(members).Draw(t, "order")
}

// changedOnce returns a changed copy of a rule.
func changedOnce(t *rapid.T, rule condition.Expr, parts *rapid.Generator[condition.Expr]) condition.Expr {
	other := rapid.OneOf(parts, setLeaf)
	switch rapid.IntRange(0, 6).Draw(t, "change") {
	case 0:
		return rule
	case 1:
		return condition.And{rule, condition.Not{X: other.Draw(t, "exception")}}
	case 2:
		return condition.And{condition.Not{X: condition.Or{other.Draw(t, "exception"), other.Draw(t, "exception")}}, rule}
	case 3:
		return condition.Or{rule, other.Draw(t, "branch")}
	case 4:
		return condition.Not{X: rule}
	case 5:
		return condition.And{other.Draw(t, "narrower"), rule}
	}
	return changedWithin(t, rule, other)
}

// changedWithin changes one part of a rule, at any depth, or adds one beside it.
func changedWithin(t *rapid.T, rule condition.Expr, other *rapid.Generator[condition.Expr]) condition.Expr {
	within := func(members []condition.Expr) []condition.Expr {
		out := slices.Clone(members)
		if len(out) == 0 || rapid.Bool().Draw(t, "one more") {
			return append(out, other.Draw(t, "part"))
		}
		at := rapid.IntRange(0, len(out)-1).Draw(t, "at")
		out[at] = changedWithin(t, out[at], other)
		return out
	}
	switch e := rule.(type) {
	case condition.And:
		return condition.And(within(e))
	case condition.Or:
		return condition.Or(within(e))
	case condition.Not:
		return condition.Not{X: changedWithin(t, e.X, other)}
	}
	return other.Draw(t, "instead")
}
