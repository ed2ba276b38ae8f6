package querydsl

import (
	"encoding/json"
	"slices"
	"strconv"

	"tocsin/internal/match/condition"
)

// parameters are the keys of a clause with their values.
type parameters map[string]any

func parametersOf(body any) parameters {
	p, _ := body.(map[string]any)
	return p
}

// only reports whether there are no other parameters than the named ones, and ones that do not
// affect the result.
func only(p parameters, names ...string) bool {
	known := map[string]bool{"boost": true, "_name": true}
	for _, name := range names {
		known[name] = true
	}
	for key := range p {
		if !known[key] {
			return false
		}
	}
	return true
}

func (r reader) boolean(body any, path string) (condition.Expr, error) {
	p := parametersOf(body)
	groups := map[string][]condition.Expr{}
	for _, key := range []string{"must", "filter", "should", "must_not"} {
		v, there := p[key]
		if !there {
			continue
		}
		members, err := r.list(v, join(path, key))
		if err != nil {
			return nil, err
		}
		groups[key] = members
	}
	if !only(p, "must", "filter", "should", "must_not", "minimum_should_match") {
		return nil, nil
	}
	required := slices.Concat(groups["must"], groups["filter"])
	out := condition.And(required)
	if len(required)+len(groups["should"]) > 0 { // Otherwise minimum_should_match has no effect.
		some, err := should(p, groups["should"], len(required) > 0)
		if err != nil {
			return nil, err
		}
		out = append(out, some)
	}
	for _, e := range groups["must_not"] {
		out = append(out, condition.Not{X: e})
	}
	return out, nil
}

// should joins the members of which some must match: one, if nothing else is required.
func should(p parameters, members []condition.Expr, required bool) (condition.Expr, error) {
	wanted, given := p["minimum_should_match"]
	if !given {
		wanted = json.Number("0")
	}
	least, known := count(wanted)
	if least == 0 && !required {
		least = min(1, len(members))
	}
	switch {
	case !known:
		return someOf(p, required)
	case least == 0:
		return condition.Const(true), nil
	case least > len(members):
		return condition.Const(false), nil
	case least == 1:
		return condition.Or(members), nil
	case least == len(members):
		return condition.And(members), nil
	}
	return someOf(p, required)
}

// count parses a number of members. Percentages, and numbers that count from the other end, are
// left to Elasticsearch.
func count(v any) (int, bool) {
	text, isText := v.(string)
	if number, isNumber := v.(json.Number); isNumber {
		text, isText = number.String(), true
	}
	n, err := strconv.Atoi(text)
	return n, isText && err == nil && n >= 0
}

// someOf keeps the optional members unchanged. Beside a required one Elasticsearch may need none of
// them.
func someOf(p parameters, required bool) (condition.Expr, error) {
	rest := map[string]any{"minimum_should_match": p["minimum_should_match"]}
	if members, there := p["should"]; there {
		rest["should"] = members
	}
	if required {
		rest["filter"] = []any{map[string]any{"match_all": map[string]any{}}}
	}
	return raw(map[string]any{"bool": rest})
}

func (r reader) constantScore(body any, path string) (condition.Expr, error) {
	p := parametersOf(body)
	if !only(p, "filter") || p["filter"] == nil {
		return nil, nil
	}
	return r.clause(p["filter"], join(path, "filter"))
}

// boosting is equivalent to its positive clause: the negative one affects scores.
func (r reader) boosting(body any, path string) (condition.Expr, error) {
	p := parametersOf(body)
	if !only(p, "positive", "negative", "negative_boost") || p["positive"] == nil {
		return nil, nil
	}
	return r.clause(p["positive"], join(path, "positive"))
}

func (r reader) disMax(body any, path string) (condition.Expr, error) {
	p := parametersOf(body)
	if !only(p, "queries", "tie_breaker") || p["queries"] == nil {
		return nil, nil
	}
	members, err := r.list(p["queries"], join(path, "queries"))
	if err != nil || len(members) == 0 {
		return nil, err
	}
	return condition.Or(members), nil
}

func (r reader) nested(body any, path string) (condition.Expr, error) {
	p := parametersOf(body)
	name, isText := p["path"].(string)
	ignore, isBool := optional(p, "ignore_unmapped", false)
	if !only(p, "path", "query", "score_mode", "ignore_unmapped") || !isText || !isBool || p["query"] == nil {
		return nil, nil
	}
	e, err := r.clause(p["query"], join(path, "query"))
	if err != nil {
		return nil, err
	}
	return condition.Nested{Path: name, X: e, IgnoreUnmapped: ignore}, nil
}

// optional returns a parameter or its default; false when it has another type.
func optional[T any](p parameters, name string, absent T) (T, bool) {
	v, there := p[name]
	if !there {
		return absent, true
	}
	value, ok := v.(T)
	return value, ok
}
