package condition_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// trapped is a mapping with a field whose lookup panics.
type trapped struct{ mapping.Fields }

func (f trapped) Field(name string) (mapping.Field, bool) {
	if name == "trap" {
		panic("trapped")
	}
	return f.Fields.Field(name)
}

// trap panics on a document with a value of the field.
var trap = condition.Residual{Text: "trap(k)", Fields: []string{"k"}, Required: []string{"k"}, Holds: func(row []*mapping.Value) bool {
	if row[0] != nil {
		panic("trapped")
	}
	return false
}}

// A condition that crashes during compilation has an error that says so; the others form a set as
// if it did not exist, whatever they share with it.
func TestCrashWhileCompilingIsTheMembers(t *testing.T) {
	var seen tally
	rapid.Check(t, func(t *rapid.T) {
		members := relatedMembers(t)
		crashes := make([]bool, len(members))
		var others []condition.Member
		for i := range members {
			if crashes[i] = rapid.IntRange(0, 3).Draw(t, "crashes") == 0; crashes[i] {
				members[i] = condition.Member{
					Expr: condition.Or{condition.Exists{Field: "k"}, condition.Exists{Field: "trap"}, members[i].Expr}, Fields: trapped{members[i].Fields},
				}
			} else {
				others = append(others, members[i])
			}
		}
		set, errs := condition.NewSet(members)
		for i, err := range errs {
			if said := err != nil && strings.Contains(err.Error(), "crashed: trapped"); said != (crashes[i] && !constant(members[i].Expr)) {
				t.Fatalf("%s: %v", members[i].Expr, err)
			}
		}
		matching := set.NewMatching()
		rest, _ := condition.NewSet(others)
		document := event.NewDocument(map[string]any{"k": "abcde", "p": "PowerShell.exe"})
		var want []int32
		for _, n := range rest.NewMatching().Match(rest.Of(document), nil) {
			for i := range members {
				if !crashes[i] {
					if n--; n < 0 {
						want = append(want, int32(i))
						break
					}
				}
			}
		}
		got := slices.DeleteFunc(slices.Clone(matching.Match(set.Of(document), nil)), func(n int32) bool { return crashes[n] })
		if !slices.Equal(want, got) {
			t.Fatalf("found %v, without the crashing ones %v", got, want)
		}
		seen.found, seen.compared = seen.found+len(want), seen.compared+len(members)
	})
	seen.report(t)
}

// constant reports whether a condition has nothing to compile.
func constant(e condition.Expr) bool {
	_, is := condition.Simplify(e).(condition.Const)
	return is
}

// When a condition crashes on a sample document, the set stays as it is. The crashing condition is
// identified by the test that was being evaluated.
func TestCrashWhileMatchingNamesTheMembers(t *testing.T) {
	is := condition.Term{Field: "o.k", Value: "process"}
	exprs := []condition.Expr{is, condition.And{is, trap}, condition.Exists{Field: "k"}, condition.And{is, condition.Not{X: trap}}}
	members := make([]condition.Member, len(exprs))
	for i, e := range exprs {
		members[i] = condition.Member{Expr: e, Fields: setFields[0]}
	}
	set, _ := condition.NewSet(members)
	documents := []map[string]any{{"o.k": "process"}, {"k": "a", "o.k": "process"}}
	crash := set.Tuned(func() condition.Columns { panic("trapped") })
	for name, s := range map[string]*condition.Set{"made": set, "tuned": set.Tuned(func() condition.Columns { return nil }), "after a crash": crash} {
		matching := s.NewMatching()
		if got := matching.Match(s.Of(event.NewDocument(documents[0])), nil); !slices.Equal(got, []int32{0, 3}) || matching.Crashing() != nil && slices.Contains(got, 1) {
			t.Errorf("%s: found %v", name, got)
		}
		crashing := func() (members []int32) {
			defer func() {
				if recover() != nil {
					members = matching.Crashing()
				}
			}()
			matching.Match(s.Of(event.NewDocument(documents[1])), nil)
			return nil
		}()
		if !slices.Equal(crashing, []int32{1, 3}) {
			t.Errorf("%s: %v crash, want 1 and 3", name, crashing)
		}
		// The memory can be used for the next document.
		if got := matching.Match(s.Of(event.NewDocument(documents[0])), nil); !slices.Equal(got, []int32{0, 3}) {
			t.Errorf("%s: found %v after a crash", name, got)
		}
	}
}
