package condition_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"tocsin/internal/diag/invariants"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// A set with many members reads about as much of a document as a single member does.
func TestSetLooksAtWhatCanBeTrue(t *testing.T) {
	tests := map[string]struct {
		one      func(i int) condition.Expr
		document map[string]any
	}{
		"texts and patterns": {
			func(i int) condition.Expr {
				name := fmt.Sprintf("tool%d.exe", i)
				return condition.Or{condition.Term{Field: "k", Value: name, Fold: true}, condition.Wildcard{Field: "p", Pattern: "*" + name + "*", Fold: true}}
			},
			map[string]any{"k": "TOOL7.exe", "p": `x\tool5.EXE`},
		},
		"lists": {
			func(i int) condition.Expr {
				return condition.Terms{Field: "k", Values: []any{fmt.Sprint("a", i), fmt.Sprint("b", i)}}
			},
			map[string]any{"k": []any{"a5", "b7"}},
		},
		"short literals": {
			func(i int) condition.Expr {
				return condition.Wildcard{Field: "p", Pattern: fmt.Sprintf("*%c*", 0x4e00+i)}
			},
			map[string]any{"p": "x\u4e05y\u4e07z"},
		},
		"integers": {
			func(i int) condition.Expr { return condition.Term{Field: "n", Value: int64(i)} },
			map[string]any{"n": []any{json.Number("5"), json.Number("7")}},
		},
		"numbers with fractions": {
			func(i int) condition.Expr {
				return condition.Terms{Field: "d", Values: []any{float64(i) + 0.5, float64(-i)}}
			},
			map[string]any{"d": []any{json.Number("5.5"), json.Number("-7")}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			looked := 0
			var members []condition.Member
			for i := range 2000 {
				members = append(members, condition.Member{Fields: setFields[0], Expr: condition.And{
					condition.Term{Field: "o.k", Value: "process"}, tt.one(i), countedResidual(&looked),
				}})
			}
			set, _ := condition.NewSet(members)
			tt.document["o.k"] = "process"
			document := event.NewDocument(tt.document)
			n := 0
			tuned := set.Tuned(func() condition.Columns {
				if n++; n > 10 {
					return nil
				}
				return set.Of(event.NewDocument(map[string]any{"o.k": "process", "p": "some text", "n": json.Number("-1"), "d": json.Number("0.1")}))
			})
			for as, set := range map[string]*condition.Set{"made": set, "tuned": tuned} {
				looked = 0
				got := set.NewMatching().Match(set.Of(document), nil)
				looks := 2
				if invariants.Enabled {
					looks *= 2 // With invariants on, each member also reads it by itself.
				}
				if !slices.Equal(got, []int32{5, 7}) || looked != looks {
					t.Errorf("%s: found %v after %d looks, want 5 and 7 after %d", as, got, looked, looks)
				}
			}
		})
	}
}

// asked counts how often the texts of a field are read.
type asked struct {
	condition.Columns
	field, times int
}

func (a *asked) Texts(i int) []string {
	if i == a.field {
		a.times++
	}
	return a.Columns.Texts(i)
}

// The anchor of a condition is chosen by its total cost, not by the cost of finding it: a condition
// with a thousand patterns beside a common value is evaluated only if a pattern may hold.
func TestSetCountsWhatMembersCost(t *testing.T) {
	var members []condition.Member
	for i := range 3 {
		var patterns condition.Or
		for j := range 1000 {
			patterns = append(patterns, condition.Wildcard{Field: "p", Pattern: fmt.Sprintf("*TOOL%d.%d*", j, i)})
		}
		members = append(members, condition.Member{Fields: setFields[1], Expr: condition.And{condition.Term{Field: "k", Value: "process"}, patterns}})
	}
	set, _ := condition.NewSet(members)
	document := func(text string) *asked {
		columns := set.Of(event.NewDocument(map[string]any{"k": "process", "p": text}))
		return &asked{columns, slices.IndexFunc(set.Fields(), func(f mapping.Field) bool { return f.Name == "k" }), 0}
	}
	// Some patterns are made from each document, equal to its text except for case.
	const common = "tool1.0 tool2.1 tool3.2 tool4.0 tool5.1 tool6.2 tool7.0"
	n := 0
	tuned := set.Tuned(func() condition.Columns {
		if n++; n > 300 {
			return nil
		}
		return document(common)
	})
	matching := tuned.NewMatching()
	matching.Match(document(common), nil) // With invariants on, every member also matches the first one.
	d := document(common)
	if found := matching.Match(d, nil); len(found) > 0 || d.times > 0 {
		t.Errorf("found %v after %d looks at the common value", found, d.times)
	}
	d = document("TOOL1.1 TOOL9.2")
	if found := matching.Match(d, nil); !slices.Equal(found, []int32{1, 2}) || d.times == 0 {
		t.Errorf("found %v after %d looks at the common value, want 1 and 2", found, d.times)
	}
}

func countedResidual(count *int) condition.Expr {
	countedResiduals++
	return condition.Residual{
		Text: "counted " + strconv.Itoa(countedResiduals), Fields: []string{"k"},
		Holds: func([]*mapping.Value) bool { *count++; return true },
	}
}

var countedResiduals int
