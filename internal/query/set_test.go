package query_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/condition"
	"tocsin/internal/event"
	"tocsin/internal/eventgen"
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
