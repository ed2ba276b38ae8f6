package querydsl

import (
	"strings"

	"tocsin/internal/match/condition"
)

func (reader) match(body any, path string) (condition.Expr, error) {
	return matchOf(body, path, false, "operator", "zero_terms_query")
}

func (reader) matchPhrase(body any, path string) (condition.Expr, error) {
	return matchOf(body, path, true, "zero_terms_query")
}

func matchOf(body any, path string, phrase bool, more ...string) (condition.Expr, error) {
	field, p, err := ofField(body, "query", path)
	if err != nil {
		return nil, err
	}
	if p["query"] == nil {
		return nil, fault(join(path, field), "a value is wanted")
	}
	value, known := literal(p["query"])
	if !known || !only(p, append(more, "query")...) || !isDefault(p, "operator", "or") || !isDefault(p, "zero_terms_query", "none") ||
		searchOnly(field) {
		return nil, nil
	}
	return condition.Match{Field: field, Value: value, Phrase: phrase}, nil
}

// isDefault reports whether a parameter has its default value.
func isDefault(p parameters, name, value string) bool {
	text, isText := optional(p, name, value)
	return isText && strings.EqualFold(text, value)
}

// multiMatch is supported as Kibana writes it, on all fields, and for a list of fields of which one
// must match.
func (reader) multiMatch(body any, _ string) (condition.Expr, error) {
	p := parametersOf(body)
	kind, isText := optional(p, "type", "best_fields")
	value, known := literal(p["query"])
	if !known || !isText || !isDefault(p, "operator", "or") || kind != "best_fields" && kind != "most_fields" && kind != "phrase" {
		return nil, nil
	}
	m := condition.Match{Value: value, Phrase: kind == "phrase"}
	if _, named := p["fields"]; !named {
		lenient, isBool := optional(p, "lenient", false)
		if !only(p, "query", "type", "operator", "lenient", "tie_breaker") || !isBool || !lenient || kind == "most_fields" {
			return nil, nil
		}
		return m, nil
	}
	names, isList := optional(p, "fields", []any{})
	if !isList || len(names) == 0 || !only(p, "query", "type", "operator", "fields", "tie_breaker") {
		return nil, nil
	}
	var out condition.Or
	for _, v := range names {
		name, isText := v.(string)
		name, _, _ = strings.Cut(name, "^")
		if !isText || searchOnly(name) {
			return nil, nil
		}
		m.Field = name
		out = append(out, m)
	}
	return out, nil
}
