package condition_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// conditionsOver generates conditions on fields f1 to f4.
func conditionsOver(depth int) *rapid.Generator[condition.Expr] {
	return rapid.Custom(func(t *rapid.T) condition.Expr {
		field := rapid.SampledFrom([]string{"f1", "f2", "f3", "f4"}).Draw(t, "field")
		value := rapid.SampledFrom([]string{"a", "b", "ab"}).Draw(t, "value")
		kinds := 8
		if depth == 0 {
			kinds = 5
		}
		members := func() []condition.Expr {
			return rapid.SliceOfN(conditionsOver(max(0, depth-1)), 0, 3).Draw(t, "members")
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return condition.Exists{Field: field}
		case 1:
			return condition.Term{Field: field, Value: value}
		case 2:
			return condition.Wildcard{Field: field, Pattern: value + "*"}
		case 3:
			return condition.Terms{Field: field, Values: []any{value, "c"}}
		case 4:
			return condition.Residual{
				Text: field + " is " + value, Fields: []string{field}, Required: []string{field},
				Holds: func(row []*mapping.Value) bool { return row[0] != nil && row[0].Text() == value },
			}
		case 5:
			return condition.And(members())
		case 6:
			return condition.Or(members())
		default:
			return condition.Not{X: conditionsOver(depth-1).Draw(t, "negated")}
		}
	})
}

var fourFields = mapping.Table{
	"f1": {Name: "f1", Type: mapping.Keyword}, "f2": {Name: "f2", Type: mapping.Keyword},
	"f3": {Name: "f3", Type: mapping.Keyword}, "f4": {Name: "f4", Type: mapping.Keyword},
}

// TestWithout: of every document that lacks some fields, the condition without them says the same as the condition.
func TestWithout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := conditionsOver(3).Draw(t, "condition")
		lacking := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"f1", "f2", "f3", "f4"}), func(s string) string { return s }).Draw(t, "lacking")
		source := map[string]any{}
		for name := range fourFields {
			if !slices.Contains(lacking, name) && rapid.Bool().Draw(t, name) {
				source[name] = rapid.SampledFrom([]string{"a", "b", "ab", "z"}).Draw(t, name+" value")
			}
		}
		short := condition.Without(e, func(name string) bool { return slices.Contains(lacking, name) })
		matches := func(e condition.Expr) bool {
			b, err := condition.Bind(e, fourFields)
			if err != nil {
				t.Fatal(err)
			}
			return b.Match("", event.NewDocument(source))
		}
		if got, want := matches(short), matches(e); got != want {
			t.Fatalf("%s without %v is %s: %v of %v, want %v", e, lacking, short, got, source, want)
		}
		for _, name := range condition.Fields(short) {
			if slices.Contains(lacking, name) {
				t.Fatalf("%s without %v still tests %s: %s", e, lacking, name, short)
			}
		}
	})
}

// TestNeeded: a condition is false of documents that lack a needed field, and of others it may be true.
func TestNeeded(t *testing.T) {
	for _, c := range []struct {
		e    condition.Expr
		want []string
	}{
		{condition.And{condition.Exists{Field: "f1"}, condition.Or{condition.Exists{Field: "f2"}, condition.Exists{Field: "f3"}}}, []string{"f1"}},
		{condition.Not{X: condition.Exists{Field: "f1"}}, nil},
		{condition.Or{condition.Term{Field: "f1", Value: "a"}, condition.Term{Field: "f1", Value: "b"}}, []string{"f1"}},
		{condition.LeftOut{Field: "f1"}, nil},
		{condition.Match{Value: "a"}, nil},
		{condition.Term{Field: mapping.SourceName("f1"), Value: "a"}, nil},
	} {
		if got := condition.Needed(c.e); !slices.Equal(got, c.want) {
			t.Errorf("%s needs %v, want %v", c.e, got, c.want)
		}
	}
}
