package querydsl

import (
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/translate/lucene"
)

// queryString reads the text of a query_string on all fields or one. If a part of it is not a
// condition, the whole clause stays unchanged.
func (r reader) queryString(body any, path string) (condition.Expr, error) {
	p := parametersOf(body)
	source, isText := p["query"].(string)
	if !isText {
		return nil, fault(join(path, "query"), "a text is wanted")
	}
	text := diag.NewText(join(path, "query"), source)
	q, diags := lucene.Parse(text)
	if q == nil {
		return nil, diags.Err() //nolint:wrapcheck // the text's name is the path
	}
	field, ofAll, known := defaultField(p)
	lenient, isBool := optional(p, "lenient", ofAll)
	_, isAnalysed := optional(p, "analyze_wildcard", false)
	joined, isOperator := joins(p)
	switch {
	case !known || !isBool || !isAnalysed || !isOperator:
		return nil, nil
	case !only(p, "query", "fields", "default_field", "lenient", "analyze_wildcard", "default_operator"):
		return nil, nil
	case q.Where == nil:
		return condition.Const(false), nil // Only Kibana lets a blank query match all events.
	}
	e, diags := lucene.Lower(q, text, lucene.Options{
		Fields: r.fields, DefaultAnd: joined, DefaultField: field, Strict: !lenient, Whole: condition.Query{"query_string": body},
	})
	return e, diags.Err() //nolint:wrapcheck // the text's name is the path
}

// joins returns the default operator between clauses.
func joins(p parameters) (isAnd, known bool) {
	operator, isText := optional(p, "default_operator", "or")
	isAnd = strings.EqualFold(operator, "and")
	return isAnd, isText && (isAnd || strings.EqualFold(operator, "or"))
}

// defaultField returns the field of tests that name none; all reports whether they test all fields.
// Several fields, boosts, and comparisons in a list of fields are not supported.
func defaultField(p parameters) (name string, all, known bool) {
	name, isText := optional(p, "default_field", "*")
	listed, isList := optional(p, "fields", []any{})
	_, given := p["default_field"]
	switch {
	case !isText || !isList || len(listed) > 1 || given && len(listed) > 0:
		return "", false, false
	case len(listed) == 1:
		source, _ := p["query"].(string)
		name, isText = listed[0].(string)
		if !isText || strings.ContainsAny(name, "^*") || strings.ContainsAny(source, "<>") {
			return "", false, false
		}
	}
	if name == "*" {
		return "", true, true
	}
	return name, false, !strings.ContainsAny(name, "^*")
}
