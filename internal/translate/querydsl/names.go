package querydsl

import (
	"maps"
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/translate/lucene"
)

// Names returns the fields that a query uses, sorted, each once, as far as its clauses are known: a
// star in a name matches any characters.
func Names(q map[string]any) []string {
	plain, err := canonical(q)
	if err != nil {
		return nil
	}
	found := map[string]bool{}
	visit(plain, func(name string) { found[name] = true })
	delete(found, "")
	return slices.Sorted(maps.Keys(found))
}

// aboutField are the clauses whose body's key is the field.
var aboutField = map[string]bool{
	"term": true, "terms": true, "terms_set": true, "range": true, "prefix": true, "wildcard": true, "regexp": true, "fuzzy": true,
	"match": true, "match_phrase": true, "match_phrase_prefix": true, "match_bool_prefix": true, "intervals": true,
}

// nonFields are the keys that occur beside a field's name, and are not fields.
var nonFields = map[string]bool{"boost": true, "_name": true}

// visit finds clauses in any part of a query. The parameters of a field contain no clauses.
func visit(v any, found func(name string)) {
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			visit(element, found)
		}
	case map[string]any:
		for key, body := range v {
			visitClause(key, body, found)
		}
	}
}

func visitClause(name string, body any, found func(name string)) {
	p := parametersOf(body)
	switch {
	case p == nil:
		visit(body, found)
	case aboutField[name]:
		for field := range p {
			if !nonFields[field] {
				found(field)
			}
		}
	case name == "exists":
		field, _ := p["field"].(string)
		found(field)
	case name == "query_string":
		text, _ := p["query"].(string)
		if q, _ := lucene.Parse(diag.NewText(name, text)); q != nil {
			for _, field := range q.Names() {
				found(field)
			}
		}
		listed(p, found)
	case name == "multi_match", name == "simple_query_string", name == "combined_fields", name == "more_like_this":
		listed(p, found)
	case name == "nested":
		path, _ := p["path"].(string)
		found(path)
		visit(p["query"], found)
	default:
		visit(body, found)
	}
}

// listed finds the fields in a clause's list of fields.
func listed(p parameters, found func(name string)) {
	fields, _ := p["fields"].([]any)
	for _, v := range slices.Concat(fields, []any{p["default_field"]}) { // Concat does not change the rule's list.
		field, _ := v.(string)
		if field, _, _ = strings.Cut(field, "^"); field != "*" {
			found(field)
		}
	}
}
