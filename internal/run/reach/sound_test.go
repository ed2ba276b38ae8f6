package reach_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/backend/store"
	"tocsin/internal/diag"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/run/reach"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/testkit/conformance"
	"tocsin/internal/testkit/trial"
)

// TestWhatMatchesCanMatch: a query of the conformance cases that finds something can match, and needs no field that the
// events lack.
func TestWhatMatchesCanMatch(t *testing.T) {
	for language, folder := range map[rule.Language]string{rule.EQL: "eql", rule.Kuery: "kql", rule.Lucene: "lucene"} {
		cases, sets, err := conformance.WrittenQueries(language, folder)
		if err != nil {
			t.Fatal(err)
		}
		opened, found := map[string]*store.Events{}, 0
		for _, c := range cases {
			set := sets[c.Dataset]
			if opened[c.Dataset] == nil {
				fields, err := set.Fields()
				if err != nil {
					t.Fatal(err)
				}
				events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(set.NDJSON()), Mapping: fields})
				if err != nil || diags.HasErrors() {
					t.Fatal(err, diags)
				}
				t.Cleanup(func() { _ = events.Close() })
				opened[c.Dataset] = events
			}
			events := opened[c.Dataset]
			plan, _ := plans.AdHoc(plans.AdHocQuery{
				Text: diag.NewText("query", c.Query), Language: c.Language, Index: []string{"*"},
				TimestampField: set.Timestamp, CategoryField: set.Category, TiebreakerField: set.Tiebreaker, SamplesPerKey: c.PerKey,
			})
			if plan == nil {
				continue
			}
			b := bind(t, plan, events)
			if b.Prepared == nil {
				continue
			}
			answer, err := query.RunAdHoc(t.Context(), b.Prepared, query.Source{Events: events, At: trial.Noon}, window.Window{}, c.Size)
			if err != nil || len(answer.Hits) == 0 {
				continue
			}
			found++
			if v := b.Decide(); !v.CanMatch {
				t.Errorf("%s\nfinds %d, and can never match: %s", c, len(answer.Hits), v.Because)
			} else if got := silent(t, events, b); got[0] != "" {
				t.Errorf("%s\nfinds %d, and needs %s", c, len(answer.Hits), got[0])
			}
		}
		if found < 20 {
			t.Errorf("%s: only %d queries find something", folder, found)
		}
	}
}

// formula is a query of tests of fields, each of another value, without negation.
type formula struct {
	text string
	// holds decides it where the fields that are true of has can have any value.
	holds func(has func(field string) bool) bool
}

func formulas(depth int) *rapid.Generator[formula] {
	return rapid.Custom(func(t *rapid.T) formula {
		if depth == 0 || rapid.IntRange(0, 2).Draw(t, "leaf") == 0 {
			field := rapid.SampledFrom([]string{"f.a", "f.b", "f.c", "f.d", "f.e"}).Draw(t, "field")
			return formula{field + ":v", func(has func(string) bool) bool { return has(field) }}
		}
		parts := rapid.SliceOfN(formulas(depth-1), 1, 3).Draw(t, "parts")
		and := rapid.Bool().Draw(t, "and")
		var texts []string
		for _, p := range parts {
			texts = append(texts, p.text)
		}
		word := map[bool]string{true: " and ", false: " or "}[and]
		return formula{"(" + strings.Join(texts, word) + ")", func(has func(string) bool) bool {
			for _, p := range parts {
				if p.holds(has) != and {
					return !and
				}
			}
			return and
		}}
	})
}

// TestCausesDecide: a query without negation can match exactly if the fields that there are make it true, and mapping one
// field of each cause, whichever, is what it takes: without any one of the causes it still could not.
func TestCausesDecide(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := formulas(3).Draw(rt, "query")
		types := mapping.Table{"@timestamp": {Name: "@timestamp", Type: mapping.Date}}
		for _, name := range []string{"f.a", "f.b", "f.c", "f.d", "f.e"} {
			if rapid.Bool().Draw(rt, name) {
				types[name] = mapping.Field{Name: name, Type: mapping.Keyword}
			}
		}
		has := func(name string) bool { _, ok := types[name]; return ok }
		events := trial.Events(t, oneEvent, types)
		r := trial.Rule(t, "query", "language = \"kuery\"\nindex = [\"logs-*\"]\nquery = '''"+f.text+"'''\n")
		v := bind(t, planOf(t, r), events).Decide()
		if v.CanMatch != f.holds(has) {
			rt.Fatalf("%s with %v: can match %v", f.text, types.Names(), v.CanMatch)
		}
		for _, c := range v.Causes {
			names := strings.Split(strings.TrimPrefix(c.Text, "no index has "), " or ")
			if c.Kind != reach.Missing || f.holds(func(field string) bool { return !strings.Contains(strings.Join(names, " "), field) }) {
				rt.Fatalf("%s with %v: not the cause: %+v", f.text, types.Names(), c)
			}
			for _, name := range names {
				if has(name) {
					rt.Fatalf("%s with %v: %s is mapped: %+v", f.text, types.Names(), name, c)
				}
			}
		}
	})
}
