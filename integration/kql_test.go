//go:build integration

package integration

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/translate/kql"
)

// TestKQLMatchAgreesWithSearch is TestMatchAgreesWithSearch for KQL: the query that Kibana would send and
// evaluation in memory find the same documents.
func TestKQLMatchAgreesWithSearch(t *testing.T) {
	n := newNode(t)
	n.Prefix = "kqlx-" + n.Prefix
	c := newMatchCorpus(t, n)
	count := map[matchOutcome]int{}
	rapid.Check(t, func(rt *rapid.T) {
		queries := rapid.SliceOfN(anyKQL, 25, 50).Draw(rt, "queries")
		for _, table := range c.tables {
			conditions := make([]condition.Expr, len(queries))
			for i, query := range queries {
				conditions[i] = lowerKQL(rt, query, table.fields)
			}
			answers := c.searchAll(t, conditions)
			for i, e := range conditions {
				count[c.compare(rt, e, table, answers[i])]++
			}
		}
	})
	t.Logf("queries compared over %d documents: %d, only narrowed by a search: %d, refused by both: %d, left to search: %d",
		len(c.documents), count[matchCompared], count[matchWidened], count[matchRefused], count[matchLeft])
	if count[matchCompared] < 1000 && !t.Failed() {
		t.Errorf("only %d queries were compared", count[matchCompared])
	}
}

func lowerKQL(rt *rapid.T, query string, fields mapping.Fields) condition.Expr {
	text := diag.NewText("query", query)
	q, diags := kql.Parse(text)
	if q == nil {
		rt.Fatalf("%s: %v", query, diags)
	}
	e, diags := kql.Lower(q, text, kql.Options{Fields: fields, IgnoreUnmapped: true})
	if e == nil {
		rt.Fatalf("%s: %v", query, diags)
	}
	return e
}

// kqlFields are the fields of the corpus that a query may name outside of a nested group.
var kqlFields = func() []string {
	var names []string
	for _, name := range matchFieldNames {
		if !strings.HasPrefix(name, "nested.") && !strings.HasPrefix(name, "copied.") {
			names = append(names, name)
		}
	}
	return append(names, "k", "long", "ip", "date", "b", "lo*", "o.*")
}()

// anyKQL generates single tests, also invalid ones, and trees of valid tests.
var anyKQL = rapid.OneOf(anyKQLTest, anyKQLTree(2))

func anyKQLTree(depth int) *rapid.Generator[string] {
	if depth == 0 {
		return anyKQLTest.Filter(func(query string) bool {
			text := diag.NewText("query", query)
			q, _ := kql.Parse(text)
			if q == nil {
				return false
			}
			e, _ := kql.Lower(q, text, kql.Options{Fields: matchTreeFields})
			if e == nil {
				return false
			}
			_, err := condition.Compile(e, matchTreeFields)
			return err == nil
		})
	}
	return rapid.Custom(func(rt *rapid.T) string {
		members := rapid.SliceOfN(anyKQLTree(depth-1), 1, 3).Draw(rt, "members")
		op := rapid.SampledFrom([]string{" and ", " OR ", "\nor "}).Draw(rt, "operator")
		query := "(" + strings.Join(members, op) + ")"
		if rapid.IntRange(0, 3).Draw(rt, "negated") == 0 {
			return "(not " + query + ")"
		}
		return query
	})
}

var anyKQLTest = rapid.Custom(func(rt *rapid.T) string {
	field := rapid.SampledFrom(kqlFields).Draw(rt, "field")
	switch rapid.IntRange(0, 9).Draw(rt, "test") {
	case 0:
		return field + ":*"
	case 1, 2, 3:
		op := rapid.SampledFrom([]string{"<", "<=", ">", ">="}).Draw(rt, "bound")
		return field + " " + op + " " + kqlValue(rt, field)
	case 4:
		return field + ":" + kqlPattern(rt, field)
	case 5:
		return field + ":(" + kqlValue(rt, field) + " or " + kqlValue(rt, field) + " and not " + kqlValue(rt, field) + ")"
	}
	return field + ":" + kqlValue(rt, field)
})

// kqlValue writes a value that the field may have, with or without quotes.
func kqlValue(rt *rapid.T, field string) string {
	text := kqlText(rt, field)
	if text == "" || rapid.Bool().Draw(rt, "quoted") {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
	}
	return kqlUnquoted(text)
}

func kqlPattern(rt *rapid.T, field string) string {
	text := kqlText(rt, field)
	at := rapid.IntRange(0, len(text)).Draw(rt, "at")
	for at > 0 && at < len(text) && text[at]&0xC0 == 0x80 {
		at-- // Not within a character.
	}
	before, after := kqlUnquoted(text[:at]), kqlUnquoted(text[at:])
	return rapid.SampledFrom([]string{before + "*", "*" + after, before + "*" + after, "*" + before + "*"}).Draw(rt, "pattern")
}

func kqlText(rt *rapid.T, field string) string {
	pool := matchPools[field]
	if pool == nil || rapid.IntRange(0, 19).Draw(rt, "any pool") == 0 {
		pool = rapid.SampledFrom([][]string{matchTexts, matchWholes, matchFractions, matchDates, matchAddresses}).Draw(rt, "pool")
	}
	if slices.Contains(matchDateFields, field) && rapid.IntRange(0, 3).Draw(rt, "date math") == 0 {
		pool = matchDateMath
	}
	return rapid.SampledFrom(pool).Draw(rt, "value")
}

func kqlUnquoted(text string) string {
	var b strings.Builder
	for _, r := range text {
		if strings.ContainsRune(`\():<>"*{}`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
