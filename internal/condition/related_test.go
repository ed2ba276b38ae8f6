package condition_test

import (
	"slices"
	"testing"

	"tocsin/internal/condition"
	"tocsin/internal/event"
)

// Members that share an Or of which two branches have the same test: what one is hung on is not changed
// for the others.
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
