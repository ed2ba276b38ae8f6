package plans_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/testkit/eventgen"
)

// TestSetOfRulesAgreesWithMatchers: over events near the condition of each rule (most of what it asks
// for is there, some is not) all rules together find what each finds alone.
func TestSetOfRulesAgreesWithMatchers(t *testing.T) {
	rules := eventRules(t)
	run := newSetRun(t, members(rules, 1))
	matchers := make([]*condition.Matcher, len(rules))
	for i, r := range rules {
		var err error
		if matchers[i], err = condition.Compile(r.Expr, r.Fields); err != nil {
			t.Fatal(err)
		}
	}
	found, itself := 0, 0
	random := rand.New(rand.NewPCG(1, 2))
	for i, r := range rules {
		for n := range 2 {
			source, err := json.Marshal(near(random, r.Expr, eventgen.Source(3, 2*i+n), n == 0))
			if err != nil {
				t.Fatal(err)
			}
			e := event.Event{Source: source}
			document, err := e.Document()
			if err != nil {
				t.Fatal(err)
			}
			var want []int32
			for j, m := range matchers {
				if m.Match(document) {
					want = append(want, int32(j))
				}
			}
			run.read(source)
			if got := run.matching.Match(run.view, nil); !slices.Equal(want, got) {
				t.Fatalf("near %s\n%s\n%s\nthe set finds %v, the matchers %v", r.name, r.query, source, got, want)
			}
			found += len(want)
			if slices.Contains(want, int32(i)) {
				itself++
			}
		}
	}
	t.Logf("%d rules, %d answers are true, %d of %d events are found by the rule that they are near", len(rules), found, itself, 2*len(rules))
	if itself < len(rules)/4 {
		t.Errorf("only %d events are found by the rule that they are near", itself)
	}
}

// TestSetOfRulesAndCopies: beside every rule stands a copy with an exception, a further branch, or what else
// people make of a rule, and none of them is another's loss.
func TestSetOfRulesAndCopies(t *testing.T) {
	rules := eventRules(t)
	all := members(rules, 1)
	for i, r := range rules {
		all = append(all, condition.Member{Expr: copied(i, r.Expr, rules[(i+1)%len(rules)].Expr), Fields: r.Fields})
	}
	set, errs := condition.NewSet(all)
	matchers := make([]*condition.Matcher, len(all))
	for i, m := range all {
		var err error
		if matchers[i], err = condition.Compile(condition.Simplify(m.Expr), m.Fields); fmt.Sprint(err) != fmt.Sprint(errs[i]) {
			t.Fatalf("%s: the set says %v, the matcher %v", rules[i%len(rules)].name, errs[i], err)
		}
	}
	view := event.NewSelection(set.Fields(), set.Objects()).NewView()
	n := 0
	tuned := set.Tuned(func() condition.Columns {
		if n++; n > 300 {
			return nil
		}
		if err := view.Read(eventgen.Event(2, n)); err != nil {
			t.Fatal(err)
		}
		return view
	})
	matchings := map[string]*condition.Matching{"made": set.NewMatching(), "tuned": tuned.NewMatching()}
	random := rand.New(rand.NewPCG(3, 4))
	found := 0
	for i, r := range rules {
		e := event.Event{Source: mustJSON(t, near(random, r.Expr, eventgen.Source(3, i), i%2 == 0))}
		document, err := e.Document()
		if err != nil {
			t.Fatal(err)
		}
		want := []int32{}
		for j, m := range matchers {
			if m != nil && m.Match(document) {
				want = append(want, int32(j))
			}
		}
		if err := view.Read(e.Source); err != nil {
			t.Fatal(err)
		}
		for as, matching := range matchings {
			if got := matching.Match(view, nil); !slices.Equal(want, got) {
				t.Fatalf("near %s\n%s\n%s\nthe set as %s finds %v, the matchers %v", r.name, r.query, e.Source, as, got, want)
			}
		}
		found += len(want)
	}
	t.Logf("%d rules and as many copies, %d answers are true", len(rules), found)
	if found < len(rules) {
		t.Errorf("only %d answers are true", found)
	}
}

// copied is the copy number i of a rule beside which another stands.
func copied(i int, e, other condition.Expr) condition.Expr {
	exception := condition.Wildcard{Field: "process.name", Pattern: "*s*", Fold: true}
	switch i % 6 {
	case 0:
		return condition.And{e, condition.Not{X: exception}}
	case 1:
		return condition.Or{e, other}
	case 2:
		return condition.And{condition.Not{X: condition.Or{exception, condition.Term{Field: "user.name", Value: "root"}}}, e}
	case 3:
		return condition.And{e, condition.Not{X: other}}
	case 4:
		return condition.Or{condition.And{e, exception}, condition.And{other, exception}}
	}
	return e
}

func mustJSON(t *testing.T, source eventgen.Object) []byte {
	t.Helper()
	text, err := json.Marshal(source)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// near makes a source meet a condition, or all but some tests of it.
func near(random *rand.Rand, e condition.Expr, source eventgen.Object, whole bool) eventgen.Object {
	switch e := e.(type) {
	case condition.And:
		for _, m := range e {
			if whole || random.IntN(8) > 0 {
				near(random, m, source, whole)
			}
		}
	case condition.Or:
		near(random, e[random.IntN(len(e))], source, whole)
	case condition.Not:
		if !whole && random.IntN(8) == 0 {
			near(random, e.X, source, whole)
		}
	case condition.Exists:
		put(source, e.Field, "x")
	case condition.Term:
		put(source, e.Field, e.Value)
	case condition.Terms:
		put(source, e.Field, e.Values[random.IntN(len(e.Values))])
	case condition.Match:
		put(source, e.Field, e.Value)
	case condition.Wildcard:
		text := strings.NewReplacer(`\*`, "*", `\?`, "?", `\\`, `\`, "*", "some", "?", "q").Replace(e.Pattern)
		if random.IntN(2) == 0 {
			text = strings.ToUpper(text)
		}
		put(source, e.Field, text)
	case condition.Prefix:
		put(source, e.Field, e.Value+"more")
	case condition.Range:
		for _, bound := range []any{e.Gte, e.Lte} {
			if bound != nil {
				put(source, e.Field, bound)
			}
		}
	}
	return source
}

// put gives a field one value in place of those that it has.
func put(source eventgen.Object, name string, value any) {
	parts := strings.Split(name, ".")
	for i, part := range parts[:len(parts)-1] {
		inner, ok := source[part].(eventgen.Object)
		if !ok {
			if source[part] != nil {
				source[strings.Join(parts[i:], ".")] = value
				return
			}
			inner = eventgen.Object{}
			source[part] = inner
		}
		source = inner
	}
	source[parts[len(parts)-1]] = value
}
