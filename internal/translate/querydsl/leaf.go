package querydsl

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// ofField splits a clause into its field and its parameters: an object, or a single value, which
// stands for the given key.
func ofField(body any, key, path string) (string, parameters, error) {
	p := parametersOf(body)
	if len(p) != 1 {
		return "", nil, fault(path, "one field is wanted, not %d [%s]", len(p), strings.Join(slices.Sorted(maps.Keys(p)), ", "))
	}
	for field, value := range p {
		switch value := value.(type) {
		case map[string]any:
			return field, value, nil
		case []any:
			return "", nil, fault(join(path, field), "one value is wanted, not an array")
		default:
			return field, parameters{key: value}, nil
		}
	}
	return "", nil, nil
}

// searchOnly reports whether a name is not a value of the document, so that only a search knows it.
func searchOnly(field string) bool {
	_, known := mapping.Metadata()[field]
	return mapping.IsMetadata(field) && !known || field == "" || strings.Contains(field, "*")
}

func (reader) exists(body any, path string) (condition.Expr, error) {
	p := parametersOf(body)
	field, isText := p["field"].(string)
	if !isText {
		return nil, fault(join(path, "field"), "the name of a field is wanted")
	}
	if !only(p, "field") || searchOnly(field) {
		return nil, nil
	}
	return condition.Exists{Field: field}, nil
}

func (reader) term(body any, path string) (condition.Expr, error) {
	field, p, err := ofField(body, "value", path)
	if err != nil {
		return nil, err
	}
	if p["value"] == nil {
		return nil, fault(join(path, field), "a value is wanted")
	}
	value, known := literal(p["value"])
	fold, isBool := optional(p, "case_insensitive", false)
	_, isText := value.(string)
	if !known || !isBool || fold && !isText || !only(p, "value", "case_insensitive") || searchOnly(field) {
		return nil, nil
	}
	return condition.Term{Field: field, Value: value, Fold: fold}, nil
}

// terms is the only clause that has parameters beside the field.
func (reader) terms(body any, path string) (condition.Expr, error) {
	p := maps.Clone(parametersOf(body))
	delete(p, "boost")
	delete(p, "_name")
	if len(p) != 1 {
		return nil, fault(path, "one field is wanted, not %d [%s]", len(p), strings.Join(slices.Sorted(maps.Keys(p)), ", "))
	}
	for field, value := range p {
		if _, isLookup := value.(map[string]any); isLookup || searchOnly(field) {
			return nil, nil
		}
		elements, isList := value.([]any)
		if !isList {
			return nil, fault(join(path, field), "an array of values is wanted, not %s", kind(value))
		}
		values := make([]any, len(elements))
		for i, element := range elements {
			value, known := literal(element)
			if !known {
				return nil, nil
			}
			values[i] = value
		}
		return condition.Terms{Field: field, Values: values}, nil
	}
	return nil, nil
}

func (reader) prefix(body any, path string) (condition.Expr, error) {
	field, text, fold, err := pattern(body, path, "value")
	if field == "" || err != nil {
		return nil, err
	}
	return condition.Prefix{Field: field, Value: text, Fold: fold}, nil
}

func (reader) wildcard(body any, path string) (condition.Expr, error) {
	field, text, fold, err := pattern(body, path, "value", "wildcard")
	if field == "" || err != nil {
		return nil, err
	}
	return condition.Wildcard{Field: field, Pattern: text, Fold: fold}, nil
}

// regexp is read with all operators enabled: Elasticsearch's default, and as in conditions.
func (reader) regexp(body any, path string) (condition.Expr, error) {
	field, p, err := ofField(body, "value", path)
	if err != nil {
		return nil, err
	}
	flags, isText := optional(p, "flags", "ALL")
	if !isText || !strings.EqualFold(flags, "ALL") {
		return nil, nil
	}
	p = maps.Clone(p)
	delete(p, "flags")
	field, text, fold, err := pattern(map[string]any{field: map[string]any(p)}, path, "value")
	if field == "" || err != nil {
		return nil, err
	}
	return condition.Regexp{Field: field, Pattern: text, Fold: fold}, nil
}

// pattern reads a clause with a text and its case sensitivity; the field is "" if there are other
// parameters. The text has one of several keys.
func pattern(body any, path string, keys ...string) (field, text string, fold bool, err error) {
	field, p, err := ofField(body, "value", path)
	if err != nil {
		return "", "", false, err
	}
	for _, key := range keys {
		v, there := p[key]
		value, isText := v.(string)
		if !there {
			continue
		}
		fold, isBool := optional(p, "case_insensitive", false)
		if !isText || !isBool || !only(p, key, "case_insensitive") || searchOnly(field) {
			return "", "", false, nil
		}
		return field, value, fold, nil
	}
	return "", "", false, fault(join(path, field), "a value is wanted")
}

// literal returns a value in the types of conditions; false for null, and for numbers that would be
// formatted differently than they were written.
func literal(v any) (any, bool) {
	switch v := v.(type) {
	case string, bool:
		return v, true
	case json.Number:
		text := v.String()
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n, true
		}
		x, err := v.Float64()
		again, jsonErr := json.Marshal(x)
		return x, err == nil && jsonErr == nil && string(again) == text
	}
	return nil, false
}
