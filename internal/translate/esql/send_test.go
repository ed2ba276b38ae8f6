package esql_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/rule"
	"tocsin/internal/translate/esql"
)

func TestSend(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.UTC)
	for _, tt := range []struct {
		query   string
		options esql.Options
		want    string
	}{
		{"FROM a", esql.Options{}, "FROM a METADATA _id, _index\n| LIMIT 5"},
		{"FROM a // all", esql.Options{}, "FROM a METADATA _id, _index\n| LIMIT 5 // all"},
		{"FROM a METADATA _version | WHERE b == 1 // c\n", esql.Options{}, "FROM a METADATA _version, _id, _index | WHERE b == 1\n| LIMIT 5 // c\n"},
		{"FROM a METADATA _index,_id", esql.Options{}, "FROM a METADATA _index,_id\n| LIMIT 5"},
		{"FROM a [METADATA _id]", esql.Options{}, "FROM a [METADATA _id, _index]\n| LIMIT 5"},
		{"FROM a | KEEP b, c | KEEP b", esql.Options{}, "FROM a METADATA _id, _index | KEEP b, c, _id, _index | KEEP b, _id, _index\n| LIMIT 5"},
		{"FROM a METADATA _id, _index | KEEP *", esql.Options{}, "FROM a METADATA _id, _index | KEEP *\n| LIMIT 5"},
		{"FROM a METADATA _id, _index | KEEP _i*", esql.Options{}, "FROM a METADATA _id, _index | KEEP _i*\n| LIMIT 5"},
		{"FROM a METADATA _id, _index | KEEP b, _id", esql.Options{}, "FROM a METADATA _id, _index | KEEP b, _id, _index\n| LIMIT 5"},
		{"FROM a METADATA _id, _index | KEEP `_i*`", esql.Options{}, "FROM a METADATA _id, _index | KEEP `_i*`, _id, _index\n| LIMIT 5"},
		{"FROM a | KEEP b | STATS c = COUNT(*)", esql.Options{}, "FROM a | KEEP b | STATS c = COUNT(*)\n| LIMIT 5"},
		{"ROW a = 1", esql.Options{}, "ROW a = 1\n| LIMIT 5"},
		{"FROM a | XYZZY", esql.Options{}, "FROM a | XYZZY\n| LIMIT 5"},
		{"FROM a, b, \"c,d\" | STATS COUNT(*)", esql.Options{Without: []string{"b", "d"}}, "FROM \"a\", \"c\" | STATS COUNT(*)\n| LIMIT 5"},
		{"FROM a, b", esql.Options{Without: []string{"b"}}, "FROM \"a\" METADATA _id, _index\n| LIMIT 5"},
		{"FROM a", esql.Options{Without: []string{"a"}}, "FROM a METADATA _id, _index\n| LIMIT 5"},
		{
			"FROM a | WHERE b > NOW( ) AND c == \"NOW()\" | STATS d = MAX(now())",
			esql.Options{Now: now},
			"FROM a | WHERE b > TO_DATETIME(\"2026-01-02T03:04:05.006Z\") AND c == \"NOW()\" | STATS d = MAX(TO_DATETIME(\"2026-01-02T03:04:05.006Z\"))\n| LIMIT 5",
		},
	} {
		tt.options.Limit = 5
		if got := parse(t, tt.query).Send(tt.options).Text; got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.query, got, tt.want)
		}
	}
}

// TestSpan maps the positions in Elasticsearch's errors back to the original text.
func TestSpan(t *testing.T) {
	query := "FROM a, gone // é\n| KEEP host.name, `b c`.d\n| WHERE x > NOW() AND é.user == 1\n"
	q := parse(t, query)
	sent := q.Send(esql.Options{Limit: 5, Now: time.Unix(0, 0), Without: []string{"gone"}})
	for found, want := range map[string]string{
		"KEEP": "KEEP", "host": "host.name", "`b": "`b c`.d", "x >": "x", "é.user": "é.user", "1\n": "1",
		"TO_DATETIME": "NOW", "METADATA": "gone", `"a"`: "a", "| LIMIT": "1",
	} {
		at := strings.Index(sent.Text, found)
		if at < 0 {
			t.Fatalf("%q is not in %s", found, sent.Text)
		}
		line := strings.Count(sent.Text[:at], "\n") + 1
		column := len([]rune(sent.Text[strings.LastIndexByte(sent.Text[:at], '\n')+1:at])) + 1
		span := sent.Span(line, column)
		if got := query[span.Start:span.End]; got != want {
			t.Errorf("%s at %d:%d: %q, want %q", found, line, column, got, want)
		}
	}
	for _, place := range [][2]int{{0, 0}, {1, 0}, {99, 1}, {1, 99}, {-1, -1}} {
		span := sent.Span(place[0], place[1])
		if span.Start < 0 || span.Start > span.End || span.End > len(query) {
			t.Errorf("%v: %v", place, span)
		}
	}
}

// Any text is parsed to the end, and every position in the sent text maps into it.
func TestAnyText(t *testing.T) {
	piece := rapid.SampledFrom([]string{
		"FROM", "a", " ", "\n", "|", ",", "KEEP", "_id", "METADATA", "(", ")", "\"", "\"\"\"", "`", "//", "/*", "*/", "NOW()", "[", "]", "é",
		"\\", "SET", ";", "STATS", "DROP", "*", "EVAL", "=", ".", "WHERE", "{", "}", "\xff", "0",
	})
	rapid.Check(t, func(t *rapid.T) {
		query := "FROM a" + strings.Join(rapid.SliceOf(piece).Draw(t, "text"), "")
		if rapid.Bool().Draw(t, "bare") {
			query = strings.TrimPrefix(query, "FROM a")
		}
		q, diags := esql.Parse(diag.NewText("query", query))
		if (q == nil) != diags.HasErrors() {
			t.Fatalf("query %v, %v", q, diags)
		}
		if q == nil {
			return
		}
		sent := q.Send(esql.Options{Limit: 1, Now: time.Unix(0, 0)})
		span := sent.Span(rapid.IntRange(0, 9).Draw(t, "line"), rapid.IntRange(0, 99).Draw(t, "column"))
		if span.Start < 0 || span.End > len(query) || span.Start > span.End {
			t.Fatalf("span %v of %q", span, query)
		}
		again, diags := esql.Parse(diag.NewText("sent", sent.Text))
		if again == nil || again.Shape().Rows != q.Shape().Rows {
			t.Fatalf("%q became %q: %v", query, sent.Text, diags)
		}
	})
}

// TestCorpus parses Elastic's rules, which are not part of this repository: none has an error, and
// each has its indices.
func TestCorpus(t *testing.T) {
	set, _ := rule.Load("../../../../shared/corpus/elastic")
	kinds := map[esql.Rows]int{}
	for _, r := range set.Rules() {
		if r.Type != rule.TypeESQL {
			continue
		}
		q, diags := esql.Parse(r.Query)
		if q == nil || len(diags) > 0 {
			t.Errorf("%s: %v", r.Path, diags)
			continue
		}
		if len(q.Patterns()) == 0 {
			t.Errorf("%s: no indices", r.Path)
		}
		kinds[q.Shape().Rows]++
	}
	if len(kinds) == 0 {
		t.Skip("the corpus is not here")
	}
	t.Logf("%d of documents, %d made, %d open", kinds[esql.Documents], kinds[esql.Made], kinds[esql.Open])
}
