package indexgen

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Test is a condition in every language, with an equivalent Query DSL for languages that Elasticsearch cannot run.
type Test struct {
	KQL, Lucene, EQL string
	// Kibana is the query that Kibana makes from KQL; DSL is equivalent to EQL.
	Kibana, DSL Object
}

// test is a tree of tests, with at least one test of a probe.
func (g *gen) test(kind Kind, w *World) Test {
	one := func() Test { return g.leaf(pick(g, kind.probes), w) }
	base := func() Test {
		if g.IntN(2) == 0 {
			return g.leaf(probe{"event.category", text, values(categories), true}, w)
		}
		return g.leaf(probe{"n", text, []any{"n0", "n1", "n2", "n3", "n4"}, true}, w)
	}
	switch g.IntN(8) {
	case 0, 1:
		return one()
	case 2:
		return one().not()
	case 3:
		return both(one(), base())
	case 4:
		return both(one().not(), base())
	case 5:
		return either(one(), both(base(), base()))
	case 6:
		return either(one(), one())
	}
	return both(one(), one().not())
}

func (t Test) not() Test {
	not := func(x Object) Object { return Object{"bool": Object{"must_not": []any{x}}} }
	return Test{"not (" + t.KQL + ")", "(*:* AND NOT (" + t.Lucene + "))", "not (" + t.EQL + ")", not(t.Kibana), not(t.DSL)}
}

func both(a, b Test) Test {
	return Test{
		"(" + a.KQL + " and " + b.KQL + ")", "(" + a.Lucene + " AND " + b.Lucene + ")", "(" + a.EQL + " and " + b.EQL + ")",
		filter(a.Kibana, b.Kibana), filter(a.DSL, b.DSL),
	}
}

func filter(all ...any) Object { return Object{"bool": Object{"filter": all}} }

func should(some ...any) Object {
	return Object{"bool": Object{"should": some, "minimum_should_match": 1}}
}

func either(a, b Test) Test {
	return Test{
		"(" + a.KQL + " or " + b.KQL + ")", "(" + a.Lucene + " OR " + b.Lucene + ")", "(" + a.EQL + " or " + b.EQL + ")",
		should(a.Kibana, b.Kibana), should(a.DSL, b.DSL),
	}
}

// leaf returns one test of a probe.
func (g *gen) leaf(p probe, w *World) Test {
	if p.class == identity {
		return g.identity(p, w)
	}
	switch n := g.IntN(10); {
	case n == 0:
		return exists(p.field)
	case n < 3 && p.class == text:
		return g.pattern(p, w.Kind)
	case n < 5 && p.class != boolean || p.class == moment:
		return g.span(p)
	case n < 6 && p.class == address:
		network := pick(g, []string{"10.0.0.0/8", "10.1.0.0/16", "192.168.0.0/24", "fe80::/10"})
		return Test{quotedField(p.field, network), quotedField(p.field, network), fmt.Sprintf("cidrMatch(%s, %q)", p.field, network), phrase(p.field, network), term(p.field, network)}
	case n < 7:
		return g.oneOf(p)
	}
	return equals(p.field, pick(g, p.literals))
}

// identity tests the id of an existing document, or an existing index.
func (g *gen) identity(p probe, w *World) Test {
	take := func() any { return p.literal(g, w) }
	if p.field == "_index" {
		return equals(p.field, take())
	}
	var ids []any
	for range len(w.Documents) / 3 {
		ids = append(ids, take())
	}
	return among(p.field, ids)
}

// literal returns a value to compare the field with.
func (p probe) literal(g *gen, w *World) any {
	switch p.field {
	case "_index":
		return pick(g, w.Documents).Index
	case "_id":
		return pick(g, w.Documents).ID
	}
	return pick(g, p.literals)
}

func exists(field string) Test {
	dsl := Object{"exists": Object{"field": field}}
	return Test{field + ": *", "_exists_:" + field, field + " != null", dsl, dsl}
}

func phrase(field string, value any) Object {
	return Object{"match_phrase": Object{field: fmt.Sprint(value)}}
}

func term(field string, value any) Object { return Object{"term": Object{field: value}} }

func quotedField(field string, value any) string { return field + ":" + quoted(value) }

// quoted returns a literal as text, which KQL and Lucene also accept for numbers.
func quoted(value any) string {
	text, _ := json.Marshal(fmt.Sprint(value)) //nolint:errchkjson // it is text
	return string(text)
}

// literal returns an EQL literal.
func literal(value any) string {
	switch v := value.(type) {
	case string:
		return quoted(v)
	default:
		return fmt.Sprint(v)
	}
}

func equals(field string, value any) Test {
	return Test{quotedField(field, value), quotedField(field, value), field + " == " + literal(value), phrase(field, value), term(field, value)}
}

func (g *gen) oneOf(p probe) Test {
	some := []any{pick(g, p.literals), pick(g, p.literals), pick(g, p.literals)}
	return among(p.field, some)
}

func among(field string, some []any) Test {
	var words, literals []string
	var phrases []any
	for _, v := range some {
		words, literals, phrases = append(words, quoted(v)), append(literals, literal(v)), append(phrases, phrase(field, v))
	}
	return Test{
		field + ": (" + strings.Join(words, " or ") + ")", field + ":(" + strings.Join(words, " OR ") + ")",
		field + " in (" + strings.Join(literals, ", ") + ")", should(phrases...),
		Object{"terms": Object{field: some}},
	}
}

// pattern returns a test with wildcards, in EQL with or without case. On a key of a flattened field, query_string
// applies the pattern to the whole term, which includes the key, and finds wrong values. So only prefixes are used
// there.
func (g *gen) pattern(p probe, kind string) Test {
	patterns := []string{"a*", "*b", "a*c*", "*on*", "A*", "*B*", "n*", "N*E"}
	switch kind {
	case "flattened":
		patterns = []string{"a*", "A*", "n*"}
	case "constant_keyword":
		// A stand-in for the type does not match a pattern with a middle part against the constant.
		patterns = slices.DeleteFunc(patterns, func(of string) bool { return of == "a*c*" })
	}
	of := pick(g, patterns)
	t := Test{KQL: p.field + ": " + of, Lucene: p.field + ":" + of}
	fold := g.IntN(2) == 0
	t.EQL = fmt.Sprintf("%s like %q", p.field, of)
	if fold {
		t.EQL = fmt.Sprintf("%s : %q", p.field, of)
	}
	t.Kibana = Object{"query_string": Object{"fields": []string{p.field}, "query": of}}
	t.DSL = Object{"wildcard": Object{p.field: Object{"value": of, "case_insensitive": fold}}}
	return t
}

// span returns a range that is open on at most one side.
func (g *gen) span(p probe) Test {
	low, high := pick(g, p.literals), pick(g, p.literals)
	bound := func(op string, value any) Object { return Object{"range": Object{p.field: Object{op: value}}} }
	var t Test
	switch g.IntN(3) {
	case 0:
		t.Kibana, t.DSL = bound("gte", fmt.Sprint(low)), bound("gte", low)
		t.KQL, t.Lucene, t.EQL = p.field+" >= "+quoted(low), fmt.Sprintf("%s:[%s TO *]", p.field, quoted(low)), p.field+" >= "+literal(low)
	case 1:
		t.Kibana, t.DSL = bound("lt", fmt.Sprint(high)), bound("lt", high)
		t.KQL, t.Lucene, t.EQL = p.field+" < "+quoted(high), fmt.Sprintf("%s:[* TO %s}", p.field, quoted(high)), p.field+" < "+literal(high)
	default:
		t.Kibana, t.DSL = filter(bound("gt", fmt.Sprint(low)), bound("lte", fmt.Sprint(high))), filter(bound("gt", low), bound("lte", high))
		t.KQL = fmt.Sprintf("(%s > %s and %s <= %s)", p.field, quoted(low), p.field, quoted(high))
		t.Lucene = fmt.Sprintf("%s:{%s TO %s]", p.field, quoted(low), quoted(high))
		t.EQL = fmt.Sprintf("(%s > %s and %s <= %s)", p.field, literal(low), p.field, literal(high))
	}
	return t
}
