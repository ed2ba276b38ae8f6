package sigma_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/translate/sigma"
)

// mappings are ways to map a field of strings: what Sigma finds does not depend on which.
var mappings = map[string]string{
	"plain":      `{"type": "keyword"}`,
	"short":      `{"type": "keyword", "ignore_above": 3}`,
	"normalized": `{"type": "keyword", "normalizer": "lowercase"}`,
	"caseless":   `{"type": "keyword", "ignore_above": 4, "fields": {"caseless": {"type": "keyword", "normalizer": "lowercase", "ignore_above": 2}}}`,
	"text":       `{"type": "text"}`,
	"dynamic":    `{"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 5}}}`,
	"wildcard":   `{"type": "wildcard"}`,
	"odd":        `{"type": "text", "fields": {"whole": {"type": "keyword", "normalizer": "lowercase"}, "other": {"type": "keyword"}}}`,
}

// drawnItem is an item as a rule writes it, and what it means of the values of its field: nothing of an index.
type drawnItem struct {
	text  string
	holds func(values []string) bool
}

// drawItem draws an item on a field.
func drawItem(t *rapid.T, field string) drawnItem {
	const letters = "abAB -/äÄ1"
	value := rapid.StringOfN(rapid.RuneFrom([]rune(letters)), 1, 4, -1)
	values := rapid.SliceOfN(value, 1, 3).Draw(t, "values")
	list, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	cased := rapid.Bool().Draw(t, "cased")
	form := func(s string) string {
		if cased {
			return s
		}
		return strings.ToLower(s)
	}
	all, neq := rapid.Bool().Draw(t, "all"), rapid.Bool().Draw(t, "neq")
	kinds := map[string]func(value, want string) bool{
		"": func(v, want string) bool { return v == want }, "contains": strings.Contains, "startswith": strings.HasPrefix, "endswith": strings.HasSuffix,
		"re": func(v, want string) bool { return regexp.MustCompile(want).MatchString(v) },
		"windash": func(v, want string) bool {
			return regexp.MustCompile("^(?:" + regexp.MustCompile(`\B[-/]\b`).ReplaceAllString(regexp.QuoteMeta(want), "[-/–—―]") + ")$").MatchString(v)
		},
	}
	kind := rapid.SampledFrom([]string{"", "contains", "startswith", "endswith", "re", "windash"}).Draw(t, "kind")
	if kind == "windash" { // quoting must not come between a dash and what stands beside it
		for _, v := range values {
			if regexp.QuoteMeta(v) != v {
				kind = ""
			}
		}
	}
	key := []string{field}
	for _, m := range []struct {
		name string
		on   bool
	}{{kind, kind != ""}, {"cased", cased && kind != "re"}, {"all", all}, {"neq", neq}} {
		if m.on {
			key = append(key, m.name)
		}
	}
	if kind == "re" {
		form = func(s string) string { return s }
	}
	return drawnItem{fmt.Sprintf("%q: %s", strings.Join(key, "|"), list), func(of []string) bool {
		one := func(want string) bool {
			return slices.ContainsFunc(of, func(v string) bool { return kinds[kind](form(v), form(want)) })
		}
		met := slices.ContainsFunc(values, one)
		if all {
			met = !slices.ContainsFunc(values, func(want string) bool { return !one(want) })
		}
		return met != neq
	}}
}

// TestMappings draws rules and events: whatever the field is mapped as, a rule means the same in memory, the
// part of it that is searched is no narrower, and what is left decides as the whole.
func TestMappings(t *testing.T) {
	names := make([]string, 0, len(mappings))
	for name := range mappings {
		names = append(names, name)
	}
	slices.Sort(names)
	held := 0
	rapid.Check(t, func(t *rapid.T) {
		item := drawItem(t, "F")
		where := rapid.SampledFrom([]string{"s", "not s"}).Draw(t, "condition")
		d, diags := detection(t, "s: {"+item.text+"}\ncondition: "+where)
		if d == nil {
			t.Fatal(item.text, diags)
		}
		values := rapid.SliceOfN(rapid.StringOfN(rapid.RuneFrom([]rune("abAB -/–äÄ1")), 0, 7, -1), 0, 3).Draw(t, "event")
		want := item.holds(values) == (where == "s")
		source, err := json.Marshal(map[string]any{"F": values})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			e := event.Event{Index: "i", ID: "1", Source: source}
			whole, fields := lowered(t, d, mappings[name]), table(t, mappings[name])
			if got := matches(t, whole, fields, &e); got != want {
				t.Fatalf("%s, %s of %q: %t, want %t", name, whole, values, got, want)
			}
			pushed, exact := condition.Pushdown(whole, fields)
			rest := condition.Remainder(whole, fields)
			if name != "text" && name != "dynamic" && name != "odd" {
				found := matches(t, pushed, fields, &e)
				if want && !found || exact && found != want {
					t.Fatalf("%s, %s of %q: the search %s finds %t, want %t", name, whole, values, pushed, found, want)
				}
				if !exact && found && matches(t, rest, fields, &e) != want {
					t.Fatalf("%s, %s of %q: what is left, %s, is not %t", name, whole, values, rest, want)
				}
			}
		}
		if want {
			held++
		}
	})
	if held < 10 {
		t.Errorf("only %d rules hold of their events", held)
	}
}

func table(t interface{ Fatal(...any) }, field string) mapping.Table {
	fields, err := mapping.Parse([]byte(`{"properties": {"F": ` + field + `}}`))
	if err != nil {
		t.Fatal(err)
	}
	return fields
}

func lowered(t interface{ Fatal(...any) }, d *sigma.Detection, field string) condition.Expr {
	e, diags := d.Lower(sigma.Lowering{Fields: table(t, field)})
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	return e
}

// matches asks a condition alone and in a set, of the event as it is read in either way.
func matches(t interface {
	Fatal(...any)
	Fatalf(string, ...any)
}, e condition.Expr, fields mapping.Fields, of *event.Event,
) bool {
	m, err := condition.Compile(e, fields)
	if err != nil {
		t.Fatal(e, err)
	}
	doc, err := of.Document()
	if err != nil {
		t.Fatal(err)
	}
	alone := m.Match(doc)
	set, errs := condition.NewSet([]condition.Member{{Expr: e, Fields: fields}})
	if errs[0] != nil {
		t.Fatal(errs[0])
	}
	view := event.NewSelection(set.Fields(), set.Objects()).NewView()
	if err := view.ReadEvent(of); err != nil {
		t.Fatal(err)
	}
	if together := len(set.NewMatching().Match(view, nil)) > 0; together != alone {
		t.Fatalf("%s of %s: %t alone, %t in a set", e, of.Source, alone, together)
	}
	return alone
}
