//go:build integration

package integration

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
	"tocsin/internal/translate/lucene"
)

// TestLuceneMatchAgreesWithSearch is TestMatchAgreesWithSearch for query strings. In addition, the documents that
// Elasticsearch finds for the text itself are the same as for the lowered condition and in memory.
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

// queryString returns the clause that Kibana sends for a query.
func queryString(t *testing.T, query string) condition.Expr {
	t.Helper()
	raw, err := condition.NewRaw(object{"query_string": object{"query": query, "analyze_wildcard": true}})
	must(t, err)
	return raw
}

func sameHits(rt *rapid.T, query string, e condition.Expr, want, got matchAnswer) {
	// An exclusive bound at the largest time overflows in a query string, and not in a range query, which is first compared with the times
	// that an index has.
	if want.broken || got.broken || strings.Contains(query, "{9223372036854775807") {
		return
	}
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

// TestLuceneSyntaxAgreesWithSearch: the texts that Elasticsearch cannot parse are refused, at the position where
// its parser stops, and no others.
func TestLuceneSyntaxAgreesWithSearch(t *testing.T) {
	n := newNode(t)
	n.Prefix = "lucs-" + n.Prefix
	index := n.Name("syntax")
	n.CreateIndex(t, index, object{"properties": object{"k": object{"type": "keyword"}}})
	var taken, refused, placed int
	rapid.Check(t, func(rt *rapid.T) {
		queries := rapid.SliceOfN(anyLuceneText, 50, 100).Draw(rt, "queries")
		var lines strings.Builder
		for _, query := range queries {
			body, err := search.JSON(object{"size": 0, "query": object{"query_string": object{"query": query, "analyze_wildcard": true}}}, "")
			must(t, err)
			fmt.Fprintf(&lines, "{}\n%s\n", body)
		}
		replies := n.Lines(t, "/"+index+"/_msearch", lines.String()).At("responses").List()
		for i, reply := range replies {
			q, diags := lucene.Parse(diag.NewText("query", queries[i]))
			refusal := ""
			if reply.At("status").Int() != 200 {
				refusal = reply.At("error").String()
			}
			if (refusal != "") != (q == nil) {
				rt.Fatalf("%q: Elasticsearch: %q, here: %v", queries[i], refusal, diags)
			}
			if q != nil {
				taken++
				continue
			}
			refused++
			// For a ^ without a number, Tocsin reports the ^, and Elasticsearch the text after it.
			at := parserStopped.FindStringSubmatch(refusal)
			if at != nil && !strings.Contains(diags[0].Message, "a number has to follow") {
				placed++
				if column := strconv.Itoa(diags[0].Column - 1); column != at[1] {
					rt.Fatalf("%q: Elasticsearch stops at column %s, here: %v", queries[i], at[1], diags)
				}
			}
		}
	})
	t.Logf("%d queries taken by both, %d refused, the place of %d compared", taken, refused, placed)
	if (taken < 1000 || placed < 1000) && !t.Failed() {
		t.Error("too few were compared")
	}
}

// parserStopped matches a position in an error of Elasticsearch's parser. Errors of its scanner have the position
// that it has read, not the start of the token.
var parserStopped = regexp.MustCompile(`Encountered .* at line 1, column (\d+)\.`)

// anyLuceneText generates tokens in any order, some of them invalid.
var anyLuceneText = rapid.Custom(func(rt *rapid.T) string {
	tokens := rapid.SliceOfN(rapid.SampledFrom([]string{
		"a", "b", "k", "k:", "k:", ":", "*:", "(", "(", ")", ")", "AND ", "OR ", "NOT ", "&&", "||", "!", "+", "-", " ", " ", " ", "*", "?", "a*", "a?b",
		"\"a b\"", "\"", "/a/", "/", "[a TO b]", "[", "{", "]", "}", "TO", "TO ", "[* TO ", "~", "~1", "~3", "^2", "^", ".5", "\\", "\\u", "\\u0041", "\\\"", ">=5", "<", "_exists_:k",
		"#", "&", "|", ",", "'", "=", "@",
	}), 1, 9).Draw(rt, "tokens")
	return strings.Join(tokens, "")
})

// anyLucene generates single tests and lists of tests with any operators.
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
		pattern := rapid.SampledFrom(matchRegexps).Draw(rt, "regexp")
		if strings.Contains(pattern, `\d`) || strings.HasSuffix(pattern, `\`) {
			pattern = "a"
		}
		return field + ":/" + strings.ReplaceAll(pattern, "/", `\/`) + "/"
	case 7:
		return field + ":(" + luceneWord(rt, field) + rapid.SampledFrom([]string{" ", " AND ", " OR -"}).Draw(rt, "operator") + luceneWord(rt, field) + ")"
	case 8:
		return field + `:` + lucenePhrase(kqlText(rt, field)) + rapid.SampledFrom([]string{"~2", "^3", "~", "^2~1"}).Draw(rt, "suffix")
	case 9:
		return field + ":" + lucenePhrase(kqlText(rt, field))
	}
	return field + ":" + luceneWord(rt, field)
})

// luceneWord writes a value that the field may have, as a word if possible.
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
