package translate_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
	"tocsin/internal/translate"
)

var momentFields = mapping.Table{
	"d": {Name: "d", Type: mapping.Date}, "n": {Name: "n", Type: mapping.DateNanos}, "k": {Name: "k", Type: mapping.Keyword},
	"mixed": {Name: "mixed", Type: mapping.Keyword, Conflict: []string{"date in [b]"}}, "txt": {Name: "txt", Type: mapping.Text},
	"flat.a": {Name: "flat.a", Type: mapping.Flattened, Keyed: true}, "x": {Name: "x", Type: mapping.Long},
}

// TestOfNow: OfNow, which does not know the mapping, is right for any mapping: a rule that does not
// depend on now means the same at any time.
func TestOfNow(t *testing.T) {
	dates := []string{"now", "now-1d/d", "now/d", "2026-01-01||/d", "2026-01-01", "nowhere", "do it now"}
	names := []string{"d", "n", "k", "mixed", "txt", "flat.a", "x", "none"}
	said := map[bool]int{}
	rapid.Check(t, func(t *rapid.T) {
		value := func() string { return rapid.SampledFrom(dates).Draw(t, "value") }
		name := func() string { return rapid.SampledFrom(names).Draw(t, "name") }
		quoted := func() string {
			text, err := json.Marshal(value())
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		forms := map[rule.Language][]func() string{
			rule.Kuery: {
				func() string { return name() + ": " + quoted() }, func() string { return name() + " >= " + quoted() }, func() string { return quoted() },
				func() string { return name() + ": (" + quoted() + " or not " + quoted() + ")" }, func() string { return "k: a and not " + name() + " < " + quoted() },
			},
			rule.Lucene: {
				func() string { return name() + ":" + quoted() }, func() string { return name() + ":[" + quoted() + " TO *]" }, func() string { return quoted() },
				func() string { return name() + ":" + quoted() + " AND k:a~" }, func() string { return name() + ":(" + quoted() + " OR b*) mixed:a" },
				func() string { return name() + ":>now\\/d" }, func() string { return "flat.a:*x AND " + name() + ":" + quoted() },
			},
			rule.EQL: {
				func() string {
					return "any where k == \"a\" and " + rapid.SampledFrom([]string{"d", "n", "k"}).Draw(t, "name") + " < " + quoted()
				},
				func() string { return "any where not d in (" + quoted() + ", " + quoted() + ")" },
				func() string { return "any where k : " + quoted() + " or wildcard(k, " + quoted() + ")" },
			},
		}
		language := rapid.SampledFrom([]rule.Language{rule.Kuery, rule.Lucene, rule.EQL}).Draw(t, "language")
		text := rapid.SampledFrom(forms[language]).Draw(t, "form")()
		q, diags := translate.Parse(language, diag.NewText("q", text), translate.Options{})
		if q == nil {
			t.Fatal(text, diags)
		}
		r := &rule.Rule{}
		switch rapid.IntRange(0, 4).Draw(t, "narrowed") {
		case 0:
			r.Filters = []map[string]any{{"query": map[string]any{"range": map[string]any{name(): map[string]any{"gte": value(), "boost": 1}}}}}
		case 1:
			r.Filters = []map[string]any{{"query": map[string]any{"script": map[string]any{"params": map[string]any{name(): value()}}}}}
		case 2:
			r.Exceptions = []*rule.ExceptionItem{{Entries: []rule.Entry{{Field: name(), Type: rule.EntryMatchAny, Operator: rule.Included, Values: []string{value(), value()}}}}}
		}
		ofNow := translate.OfNow(q, r)
		var whole [2]string
		for i, at := range []time.Time{time.Date(2026, 1, 14, 1, 2, 3, 0, time.UTC), time.Date(2026, 2, 28, 23, 2, 3, 0, time.UTC)} {
			m := translate.Moment{Fields: momentFields, Now: at}
			query, diags := m.Query(q)
			narrowing, more := m.Narrow(r)
			if diags.HasErrors() || more.HasErrors() {
				return // it cannot run on this mapping
			}
			if !ofNow && (query.OfNow || narrowing.OfNow) {
				t.Fatalf("%s: of now under the mapping: %s and %s", text, query.Where, narrowing.Where)
			}
			whole[i] = query.Where.String() + narrowing.Where.String()
		}
		said[ofNow]++
		if !ofNow && whole[0] != whole[1] {
			t.Fatalf("%s: %s, and later %s", text, whole[0], whole[1])
		}
	})
	if said[true] < 5 || said[false] < 5 {
		t.Error(said)
	}
}
