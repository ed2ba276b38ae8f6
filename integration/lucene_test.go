//go:build integration

package integration

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/condition"
	"tocsin/internal/diag"
	"tocsin/internal/mapping"
	"tocsin/internal/translate/lucene"
)

// TestLuceneMatchAgreesWithSearch does for query strings what TestMatchAgreesWithSearch does for
// conditions, with one answer more: what Elasticsearch finds for the text itself, for the condition
// that it is lowered to, and what memory finds are the same documents.
func TestLuceneMatchAgreesWithSearch(t *testing.T) {
	n := newNode(t)
	n.Prefix = "lucx-" + n.Prefix
	c := newMatchCorpus(t, n)
	count := map[matchOutcome]int{}
	whole := 0
	rapid.Check(t, func(rt *rapid.T) {
		queries := rapid.SliceOfN(anyLucene, 25, 50).Draw(rt, "queries")
		originals := make([]condition.Expr, len(queries))
		for i, query := range queries {
			originals[i] = queryString(t, query)
		}
		wanted := c.searchAll(t, originals)
		for _, table := range c.tables {
			conditions := make([]condition.Expr, len(queries))
			for i, query := range queries {
				conditions[i] = lowerLucene(rt, query, table.fields)
			}
			answers := c.searchAll(t, conditions)
			for i, e := range conditions {
				if e == originals[i] {
					whole++
					continue
				}
				sameHits(rt, queries[i], e, wanted[i], answers[i])
				count[c.compare(rt, e, table, answers[i])]++
			}
		}
	})
	t.Logf("queries compared over %d documents: %d, only narrowed by a search: %d, refused by both: %d, conditions that are left to search: %d, queries that are: %d",
		len(c.documents), count[matchCompared], count[matchWidened], count[matchRefused], count[matchLeft], whole)
	if count[matchCompared] < 1000 && !t.Failed() {
		t.Errorf("only %d queries were compared", count[matchCompared])
	}
}

// queryString is the clause that Kibana sends of a query.
func queryString(t *testing.T, query string) condition.Expr {
	t.Helper()
	raw, err := condition.NewRaw(object{"query_string": object{"query": query, "analyze_wildcard": true}})
	must(t, err)
	return raw
}

func sameHits(rt *rapid.T, query string, e condition.Expr, want, got matchAnswer) {
	if want.refusal != got.refusal && (want.refusal == "" || got.refusal == "") {
		rt.Fatalf("%s\nElasticsearch refuses one of them: the text: %q, %s: %q", query, want.refusal, e, got.refusal)
	}
	if a, b := fmt.Sprint(want.ids), fmt.Sprint(got.ids); a != b {
		rt.Fatalf("%s\nElasticsearch finds of the text %s\nof %s %s\nquery: %s", query, a, e, b, shownQuery(condition.DSL(e)))
	}
}

func lowerLucene(rt *rapid.T, query string, fields mapping.Fields) condition.Expr {
	text := diag.NewText("query", query)
	q, diags := lucene.Parse(text)
	if q == nil {
		rt.Fatalf("%s: %v", query, diags)
	}
	e, diags := lucene.Lower(q, text, lucene.Options{Fields: fields})
	if e == nil {
		rt.Fatalf("%s: %v", query, diags)
	}
	return e
}

// anyLucene generates single tests and lists of them with any operators between.
var anyLucene = rapid.OneOf(anyLuceneTest, anyLuceneList(2))

func anyLuceneList(depth int) *rapid.Generator[string] {
	if depth == 0 {
		return anyLuceneTest
	}
	return rapid.Custom(func(rt *rapid.T) string {
		members := rapid.SliceOfN(anyLuceneList(depth-1), 1, 4).Draw(rt, "members")
		var b strings.Builder
		for i, m := range members {
			if i > 0 {
				b.WriteString(rapid.SampledFrom([]string{" ", " AND ", " OR ", " && ", "\n||\t"}).Draw(rt, "operator"))
			}
			b.WriteString(rapid.SampledFrom([]string{"", "", "", "+", "-", "NOT ", "!"}).Draw(rt, "sign"))
			if depth > 1 {
				m = "(" + m + ")"
			}
			b.WriteString(m)
		}
		return b.String()
	})
}

var anyLuceneTest = rapid.Custom(func(rt *rapid.T) string {
	field := rapid.SampledFrom(matchFieldNames).Draw(rt, "field")
	switch rapid.IntRange(0, 12).Draw(rt, "test") {
	case 0:
		return rapid.SampledFrom([]string{field + ":*", "_exists_:" + field}).Draw(rt, "exists")
	case 1, 2:
		return field + ":" + luceneRange(rt, field)
	case 3:
		return field + ":" + rapid.SampledFrom([]string{"<", "<=", ">", ">="}).Draw(rt, "bound") + luceneWord(rt, field)
	case 4, 5:
		return field + ":" + lucenePattern(rt, field)
	case 6:
		regexp := rapid.SampledFrom(matchRegexps).Draw(rt, "regexp")
		if strings.Contains(regexp, `\d`) || strings.HasSuffix(regexp, `\`) {
			regexp = "a"
		}
		return field + ":/" + strings.ReplaceAll(regexp, "/", `\/`) + "/"
	case 7:
		return field + ":(" + luceneWord(rt, field) + rapid.SampledFrom([]string{" ", " AND ", " OR -"}).Draw(rt, "operator") + luceneWord(rt, field) + ")"
	case 8:
		return field + `:` + lucenePhrase(kqlText(rt, field)) + rapid.SampledFrom([]string{"~2", "^3", "~", "^2~1"}).Draw(rt, "suffix")
	case 9:
		return field + ":" + lucenePhrase(kqlText(rt, field))
	}
	return field + ":" + luceneWord(rt, field)
})

// luceneWord writes a value that the field may well have, as a word where there is any.
func luceneWord(rt *rapid.T, field string) string {
	text := kqlText(rt, field)
	if text == "" {
		return lucenePhrase(text)
	}
	return luceneEscaped(text)
}

func luceneRange(rt *rapid.T, field string) string {
	bound := func() string {
		if rapid.IntRange(0, 3).Draw(rt, "open") == 0 {
			return "*"
		}
		text := kqlText(rt, field)
		if text == "" || strings.ContainsAny(text, " \n\"\\]}") || text == "TO" {
			return `"` + strings.NewReplacer(`"`, `\u0022`, `\`, `\u005c`).Replace("x"+text) + `"`
		}
		return text
	}
	low, high := bound(), bound()
	return rapid.SampledFrom([]string{"[", "{"}).Draw(rt, "low") + low + " TO " + high + rapid.SampledFrom([]string{"]", "}"}).Draw(rt, "high")
}

func lucenePattern(rt *rapid.T, field string) string {
	text := []rune(kqlText(rt, field))
	at := rapid.IntRange(0, len(text)).Draw(rt, "at")
	before, after := luceneEscaped(string(text[:at])), luceneEscaped(string(text[at:]))
	return rapid.SampledFrom([]string{
		before + "*", "*" + after, before + "*" + after, "*" + before + "*", before + "?" + after, before + "**", "?*" + after,
	}).Draw(rt, "pattern")
}

func lucenePhrase(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

func luceneEscaped(text string) string {
	var b strings.Builder
	if text == "AND" || text == "OR" || text == "NOT" {
		b.WriteByte('\\')
	}
	for _, r := range text {
		if strings.ContainsRune(" \n\t+-!():^[]\"{}~*?\\/&|<>", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

