package translate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
	"tocsin/internal/translate/querydsl"
)

// CodeFilter marks an invalid filter, or one that the types of its fields do not allow.
const CodeFilter = "rule/filter"

// Filters returns the condition for all of a rule's filters under key in its file: rule.filters,
// rule.threat_filters. The condition is nil when a diagnostic is an error.
func Filters(r *rule.Rule, key string, filters []map[string]any, fields mapping.Fields) (condition.Expr, diag.List) {
	var all condition.And
	var diags diag.List
	for i, f := range filters {
		e, err := filter(f, fields)
		if err == nil {
			err = misfit(e, fields)
		}
		if err != nil {
			diags = append(diags, r.Report(diag.Error, CodeFilter, fmt.Sprintf("%s[%d]", key, i), "filter: %v", err))
			continue
		}
		all = append(all, e)
	}
	if diags.HasErrors() {
		return nil, diags
	}
	return condition.Simplify(all), diags
}

// FilterNames returns the fields that filters test.
func FilterNames(filters []map[string]any) []string {
	var names []string
	for _, f := range filters {
		names = append(names, querydsl.Names(dslOf(f))...)
		meta, _ := f["meta"].(map[string]any)
		for _, p := range tables(meta["params"]) {
			names = append(names, FilterNames([]map[string]any{p})...)
		}
	}
	return names
}

// misfit returns why Elasticsearch would reject a condition for the types of its fields.
func misfit(e condition.Expr, fields mapping.Fields) error {
	err := condition.Check(e, fields)
	if errors.Is(err, condition.ErrLiteral) || errors.Is(err, condition.ErrOperator) {
		return err //nolint:wrapcheck // it names the field
	}
	return nil
}

// filter lowers one filter, including its meta part. A disabled filter matches every event, also
// inside other filters.
func filter(f map[string]any, fields mapping.Fields) (condition.Expr, error) {
	meta, ok := f["meta"].(map[string]any)
	if !ok && f["meta"] != nil {
		return nil, errors.New("meta is no object")
	}
	disabled, err := flag(meta, "disabled")
	if err != nil || disabled {
		return condition.Const(true), err
	}
	negate, err := flag(meta, "negate")
	if err != nil {
		return nil, err
	}
	var e condition.Expr
	if meta["type"] == "combined" {
		e, err = combined(meta, fields)
	} else {
		e, err = querydsl.Lower(dslOf(f), fields)
		e = grouped(e, fields)
	}
	if negate {
		e = condition.Not{X: e}
	}
	return e, err //nolint:wrapcheck // it names the clause
}

// flag returns a boolean of a meta part, false if it is missing.
func flag(meta map[string]any, key string) (bool, error) {
	v, ok := meta[key].(bool)
	if !ok && meta[key] != nil {
		return false, fmt.Errorf("meta.%s is neither true nor false", key)
	}
	return v, nil
}

// combined lowers filters that are joined by AND or OR.
func combined(meta map[string]any, fields mapping.Fields) (condition.Expr, error) {
	params := tables(meta["params"])
	if given, isList := meta["params"].([]any); !isList || len(params) < len(given) || len(params) == 0 {
		return nil, errors.New("meta.params of a combined filter is a list of filters")
	}
	members := make([]condition.Expr, len(params))
	for i, p := range params {
		var err error
		if members[i], err = filter(p, fields); err != nil {
			return nil, fmt.Errorf("meta.params[%d]: %w", i, err)
		}
	}
	switch relation, _ := meta["relation"].(string); strings.ToUpper(relation) {
	case "AND":
		return condition.And(members), nil
	case "OR":
		return condition.Or(members), nil
	}
	return nil, fmt.Errorf("meta.relation is AND or OR, not %v", meta["relation"])
}

// tables returns the objects of a list.
func tables(v any) []map[string]any {
	list, _ := v.([]any)
	var out []map[string]any
	for _, element := range list {
		if t, ok := element.(map[string]any); ok {
			out = append(out, t)
		}
	}
	return out
}

// dslOf returns the Query DSL of a filter. Old filters have the clause beside meta, and write
// match_phrase as a match of type phrase.
func dslOf(f map[string]any) map[string]any {
	query, ok := f["query"].(map[string]any)
	if !ok {
		query = maps.Clone(f)
		delete(query, "meta")
		delete(query, "$state")
		delete(query, "query")
	}
	match, _ := query["match"].(map[string]any)
	if len(query) != 1 || len(match) != 1 {
		return query
	}
	for field, v := range match {
		if p, ok := v.(map[string]any); ok && p["type"] == "phrase" {
			p = maps.Clone(p)
			delete(p, "type")
			return map[string]any{"match_phrase": map[string]any{field: p}}
		}
	}
	return query
}

// grouped tests fields of a nested object within that object, as Kibana does for filters that were
// created by choosing such a field.
func grouped(e condition.Expr, fields mapping.Fields) condition.Expr {
	if e == nil {
		return nil
	}
	path := ""
	for i, name := range condition.Fields(e) {
		above := nestedAbove(name, fields)
		if above == "" || i > 0 && above != path {
			return e
		}
		path = above
	}
	if path == "" || hasNested(e) {
		return e
	}
	return condition.Nested{Path: path, X: e, IgnoreUnmapped: true}
}

// nestedAbove returns the nearest nested object that contains a field, "" when there is none.
func nestedAbove(name string, fields mapping.Fields) string {
	for i := strings.LastIndexByte(name, '.'); i > 0; i = strings.LastIndexByte(name[:i], '.') {
		if above, ok := fields.Field(name[:i]); ok && above.Type == mapping.Nested {
			return name[:i]
		}
	}
	return ""
}

// hasNested reports whether a condition tests nested objects already.
func hasNested(e condition.Expr) bool {
	switch e := e.(type) {
	case condition.Nested:
		return true
	case condition.Not:
		return hasNested(e.X)
	case condition.And:
		return anyNested(e)
	case condition.Or:
		return anyNested(e)
	}
	return false
}

func anyNested(members []condition.Expr) bool {
	return slices.ContainsFunc(members, hasNested)
}
