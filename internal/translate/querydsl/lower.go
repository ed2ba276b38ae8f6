package querydsl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// Lower lowers a query to a condition under a mapping. The error names the invalid clause by its
// path: "bool.must[0].term: …".
func Lower(q map[string]any, fields mapping.Fields) (condition.Expr, error) {
	plain, err := canonical(q)
	if err != nil {
		return nil, err
	}
	e, err := reader{fields}.clause(plain, "")
	if err != nil {
		return nil, err
	}
	return condition.Simplify(e), nil
}

// canonical encodes the query as JSON and decodes it, so that it has few types whatever its origin,
// and numbers keep their text.
func canonical(q any) (any, error) {
	text, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("write the query as JSON: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var plain any
	if err := dec.Decode(&plain); err != nil {
		return nil, fmt.Errorf("read the query: %w", err)
	}
	return plain, nil
}

// reader lowers clauses under a mapping.
type reader struct{ fields mapping.Fields }

// clauses has a reader for every supported clause. A reader that finds an unknown parameter returns
// nil: the clause stays unchanged.
var clauses map[string]func(r reader, body any, path string) (condition.Expr, error)

func init() { //nolint:gochecknoinits // the readers of bool and nested come back here
	clauses = map[string]func(reader, any, string) (condition.Expr, error){
		"match_all":      constant(true),
		"match_none":     constant(false),
		"bool":           reader.boolean,
		"constant_score": reader.constantScore,
		"boosting":       reader.boosting,
		"dis_max":        reader.disMax,
		"nested":         reader.nested,
		"exists":         reader.exists,
		"term":           reader.term,
		"terms":          reader.terms,
		"prefix":         reader.prefix,
		"wildcard":       reader.wildcard,
		"regexp":         reader.regexp,
		"range":          reader.rangeOf,
		"match":          reader.match,
		"match_phrase":   reader.matchPhrase,
		"multi_match":    reader.multiMatch,
		"query_string":   reader.queryString,
	}
}

// clause lowers an object with one key.
func (r reader) clause(v any, path string) (condition.Expr, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return nil, fault(path, "a query is an object, not %s", kind(v))
	}
	if len(object) != 1 {
		return nil, fault(path, "a query is an object of one clause, not of %d", len(object))
	}
	for name, body := range object {
		if _, ok := body.(map[string]any); !ok {
			return nil, fault(join(path, name), "a clause is an object, not %s", kind(body))
		}
		read, known := clauses[name]
		if !known {
			return raw(object)
		}
		e, err := read(r, body, join(path, name))
		if err != nil {
			return nil, err
		}
		if e != nil && r.isSearched(e) {
			return e, nil
		}
	}
	return raw(object)
}

// isSearched reports whether Elasticsearch gets the condition unchanged. It evaluates patterns on a
// version, and some tests of a flattened field's keys, differently than memory does.
func (r reader) isSearched(e condition.Expr) bool {
	_, exact := condition.Pushdown(e, r.fields)
	return exact
}

func raw(clause map[string]any) (condition.Expr, error) {
	e, err := condition.NewRaw(clause)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what it was about
	}
	return e, nil
}

// list lowers one query or an array of them, as in bool.
func (r reader) list(v any, path string) ([]condition.Expr, error) {
	elements, isList := v.([]any)
	if !isList {
		e, err := r.clause(v, path)
		return []condition.Expr{e}, err
	}
	out := make([]condition.Expr, len(elements))
	for i, element := range elements {
		e, err := r.clause(element, fmt.Sprintf("%s[%d]", path, i))
		if err != nil {
			return nil, err
		}
		out[i] = e
	}
	return out, nil
}

func constant(holds bool) func(reader, any, string) (condition.Expr, error) {
	return func(_ reader, body any, _ string) (condition.Expr, error) {
		if !only(parametersOf(body)) {
			return nil, nil
		}
		return condition.Const(holds), nil
	}
}

func fault(path, format string, args ...any) error {
	reason := fmt.Sprintf(format, args...)
	if path == "" {
		return errors.New(reason)
	}
	return fmt.Errorf("%s: %s", path, reason)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// kind names the kind of an unexpected value.
func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	}
	return "a number"
}
