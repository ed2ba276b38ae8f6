//go:build integration

package integration

import (
	"encoding/json"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/match/condition"
	"tocsin/internal/translate/querydsl"
)

// TestQueryDSLAgreesWithSearch: a clause, its lowered condition, and evaluation in memory find the same documents.
// A clause that one of them refuses is refused by all.
func TestQueryDSLAgreesWithSearch(t *testing.T) {
	n := newNode(t)
	n.Prefix = "dslx-" + n.Prefix
	c := newMatchCorpus(t, n)
	count := map[matchOutcome]int{}
	malformed := 0
	rapid.Check(t, func(rt *rapid.T) {
		clauses := rapid.SliceOfN(rapid.OneOf(anyLeafClause, anyClause(2)), 25, 50).Draw(rt, "clauses")
		originals := make([]condition.Expr, len(clauses))
		for i, clause := range clauses {
			raw, err := condition.NewRaw(clause)
			must(t, err)
			originals[i] = raw
		}
		wanted := c.searchAll(t, originals)
		for _, table := range c.tables {
			conditions := make([]condition.Expr, len(clauses))
			for i, clause := range clauses {
				e, err := querydsl.Lower(clause, table.fields)
				if err != nil {
					malformed++
					if wanted[i].refusal == "" {
						rt.Fatalf("%s: %v, but Elasticsearch finds %d", shownQuery(clause), err, len(wanted[i].ids))
					}
					e = condition.Const(false)
				}
				conditions[i] = e
			}
			answers := c.searchAll(t, conditions)
			for i, e := range conditions {
				if isJoined(clauses[i]) && wanted[i].refusal != "" {
					continue // A part that does not affect the result is not evaluated, so it is not refused.
				}
				sameHits(rt, shownQuery(clauses[i]), e, wanted[i], answers[i])
				count[c.compare(rt, e, table, answers[i])]++
			}
		}
	})
	t.Logf("clauses compared over %d documents: %d, refused by both: %d, left to search: %d, malformed: %d",
		len(c.documents), count[matchCompared], count[matchRefused], count[matchLeft], malformed)
	if count[matchCompared] < 1000 && !t.Failed() {
		t.Errorf("only %d clauses were compared", count[matchCompared])
	}
	if count[matchWidened] > 0 {
		t.Errorf("%d clauses were made wider", count[matchWidened])
	}
}

// isJoined reports whether parts of a clause can be removed. A list of one value is that value.
func isJoined(clause object) bool {
	return clause["bool"] != nil || clause["dis_max"] != nil || clause["constant_score"] != nil || clause["terms"] != nil
}

// anyClause generates clauses of a depth with valid parts. If several parts are invalid, Elasticsearch's choice of
// the error is arbitrary.
func anyClause(depth int) *rapid.Generator[object] {
	if depth == 0 {
		return anyLeafClause.Filter(func(clause object) bool {
			e, err := querydsl.Lower(clause, matchTreeFields)
			if err != nil {
				return false
			}
			_, err = condition.Compile(e, matchTreeFields)
			return err == nil || errors.Is(err, condition.ErrSearchOnly)
		})
	}
	return rapid.Custom(func(rt *rapid.T) object {
		inner := anyClause(depth - 1)
		switch rapid.IntRange(0, 7).Draw(rt, "kind") {
		case 0:
			return object{"constant_score": object{"filter": inner.Draw(rt, "filter"), "boost": 2}}
		case 1:
			return object{"dis_max": object{"queries": rapid.SliceOfN(inner, 1, 3).Draw(rt, "queries")}}
		}
		group := object{}
		for _, key := range []string{"must", "filter", "should", "must_not"} {
			members := rapid.SliceOfN(inner, 0, 3).Draw(rt, key)
			if len(members) == 1 && rapid.Bool().Draw(rt, "object") {
				group[key] = members[0]
			} else if len(members) > 0 {
				group[key] = members
			}
		}
		if rapid.IntRange(0, 2).Draw(rt, "minimum") == 0 {
			group["minimum_should_match"] = rapid.SampledFrom([]any{0, 1, 2, 3, "1", "2", -1, "50%", "2<50%", "-25%"}).Draw(rt, "minimum_should_match")
		}
		return object{"bool": group}
	})
}

var anyLeafClause = rapid.Custom(func(rt *rapid.T) object {
	field := rapid.SampledFrom(matchFieldNames).Draw(rt, "field")
	one := func(name, key string, value any, more ...string) object {
		body := object{key: value}
		for _, extra := range more {
			if rapid.IntRange(0, 4).Draw(rt, extra) == 0 {
				must := map[string]any{
					"case_insensitive": true, "boost": 1.5, "operator": "and", "fuzziness": 1, "slop": 1, "flags": "NONE", "lenient": true, "zero_terms_query": "all",
				}
				body[extra] = must[extra]
			}
		}
		if len(body) == 1 && rapid.Bool().Draw(rt, "short") {
			return object{name: object{field: value}}
		}
		return object{name: object{field: body}}
	}
	text := func() string { return kqlText(rt, field) }
	switch rapid.IntRange(0, 11).Draw(rt, "clause") {
	case 0:
		return object{"exists": object{"field": field}}
	case 1:
		values := []any{dslValue(rt, field), dslValue(rt, field), dslValue(rt, field)}
		return object{"terms": object{field: values[:rapid.IntRange(0, 3).Draw(rt, "values")]}}
	case 2:
		return one("prefix", "value", text(), "case_insensitive", "boost")
	case 3:
		return one("wildcard", rapid.SampledFrom([]string{"value", "wildcard"}).Draw(rt, "key"), rapid.SampledFrom(matchPatterns).Draw(rt, "pattern"), "case_insensitive")
	case 4:
		return one("regexp", "value", rapid.SampledFrom(matchRegexps).Draw(rt, "pattern"), "case_insensitive", "flags")
	case 5, 6, 7:
		bounds := object{}
		if key := rapid.SampledFrom([]string{"", "gt", "gte", "from"}).Draw(rt, "low"); key != "" {
			bounds[key] = dslValue(rt, field)
		}
		if key := rapid.SampledFrom([]string{"", "lt", "lte", "to"}).Draw(rt, "high"); key != "" {
			bounds[key] = dslValue(rt, field)
		}
		if rapid.IntRange(0, 3).Draw(rt, "inclusion") == 0 {
			bounds["include_lower"] = rapid.Bool().Draw(rt, "include_lower")
		}
		return object{"range": object{field: bounds}}
	case 8:
		return one("match", "query", dslValue(rt, field), "operator", "fuzziness", "lenient", "zero_terms_query", "boost")
	case 9:
		return one("match_phrase", "query", dslValue(rt, field), "slop", "boost")
	case 10:
		return object{"multi_match": object{"query": text(), "fields": []any{field, rapid.SampledFrom(matchFieldNames).Draw(rt, "other") + "^2"}}}
	}
	return one("term", "value", dslValue(rt, field), "case_insensitive", "boost")
})

// dslValue writes a value that the field may have, as text or as a number.
func dslValue(rt *rapid.T, field string) any {
	text := kqlText(rt, field)
	if json.Valid([]byte(text)) && text[0] != '"' && text[0] != '[' && rapid.Bool().Draw(rt, "bare") {
		return json.RawMessage(text)
	}
	return text
}
