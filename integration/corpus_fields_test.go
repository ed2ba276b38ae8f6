//go:build integration

package integration

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
	"tocsin/internal/translate"
)

// corpusTypes has the type of every field of a set of rules: one type for all indices.
type corpusTypes map[string]mapping.Type

// add adds the fields of a rule.
func (c corpusTypes) add(r *rule.Rule) {
	for _, name := range fieldsOfRule(r) {
		c.field(name, mapping.Keyword)
	}
	for _, e := range conditionsOfRule(r, mapping.Untyped()) {
		c.nested(e)
		condition.Walk(e, c.leaf)
	}
}

// field sets the type of a field, unless ECS or another rule has set it.
func (c corpusTypes) field(name string, typ mapping.Type) {
	if name == "" || strings.Contains(name, "*") {
		return
	}
	if f, known := mapping.ECS().Field(name); known && f.Type.Family() != mapping.FamilyObject {
		typ = f.Type
		if typ == mapping.ConstantKeyword || typ == mapping.Wildcard {
			typ = mapping.Keyword // The events of all rules do not have one constant value.
		}
	}
	if c[name] == "" || c[name] == mapping.Keyword {
		c[name] = typ
	}
}

// leaf sets the type of a field to the type of the compared value. A field that is also compared with words is a
// keyword.
func (c corpusTypes) leaf(leaf condition.Expr) {
	if field, isText := comparedWithText(leaf); isText {
		if f, known := mapping.ECS().Field(field); !known || f.Type.Family() == mapping.FamilyObject {
			c[field] = wordType
		}
		return
	}
	set := func(field string, value any) {
		switch v := value.(type) {
		case bool:
			c.field(field, mapping.Boolean)
		case int64, float64:
			c.field(field, mapping.Double)
		case string:
			if _, isRange := leaf.(condition.Range); isRange && strings.HasPrefix(v, "now") {
				c.field(field, mapping.Date)
			} else if isRange {
				c.field(field, mapping.Double)
			}
		}
	}
	switch l := leaf.(type) {
	case condition.Term:
		set(l.Field, l.Value)
	case condition.Terms:
		for _, v := range l.Values {
			set(l.Field, v)
		}
	case condition.Match:
		set(l.Field, l.Value)
	case condition.Range:
		for _, v := range []any{l.Gt, l.Gte, l.Lt, l.Lte} {
			set(l.Field, v)
		}
	case condition.CIDR:
		c.field(l.Field, mapping.IP)
	}
}

// wordType is keyword, and overrides other types.
const wordType = mapping.Wildcard

// comparedWithText returns the field of a test whose value is a word and not a number.
func comparedWithText(leaf condition.Expr) (string, bool) {
	words := func(values ...any) bool {
		return slices.ContainsFunc(values, func(v any) bool {
			text, isText := v.(string)
			_, err := strconv.ParseFloat(text, 64)
			return isText && err != nil
		})
	}
	switch l := leaf.(type) {
	case condition.Term:
		return l.Field, words(l.Value)
	case condition.Terms:
		return l.Field, words(l.Values...)
	case condition.Match:
		return l.Field, words(l.Value)
	case condition.Wildcard:
		return l.Field, true
	case condition.QueryString:
		return l.Field, true
	case condition.Prefix:
		return l.Field, true
	case condition.Regexp:
		return l.Field, true
	}
	return "", false
}

// nested finds the nested objects of a condition.
func (c corpusTypes) nested(e condition.Expr) {
	switch e := e.(type) {
	case condition.Nested:
		c[e.Path] = mapping.Nested
		c.nested(e.X)
	case condition.And:
		for _, m := range e {
			c.nested(m)
		}
	case condition.Or:
		for _, m := range e {
			c.nested(m)
		}
	case condition.Not:
		c.nested(e.X)
	}
}

// table returns the types as a mapping, for lowering.
func (c corpusTypes) table() mapping.Table {
	table := mapping.Table{}
	for name, typ := range c {
		if typ == wordType {
			typ = mapping.Keyword
		}
		table[name] = mapping.Field{Name: name, Type: typ}
	}
	return table
}

// properties returns the mapping of fields. A field below another field with a value is its multi-field; a field
// that cannot be one is omitted.
func (c corpusTypes) properties(names []string) object {
	root := object{}
	for _, name := range slices.Sorted(slices.Values(names)) { // A name precedes the names below it.
		c.place(root, name)
	}
	return root
}

func (c corpusTypes) place(properties object, name string) {
	parts := strings.Split(name, ".")
	for i, part := range parts {
		here, known := properties[part].(object)
		if i == len(parts)-1 {
			if !known {
				properties[part] = fieldMapping(c[name])
			}
			return
		}
		if !known {
			here = object{"properties": object{}}
			if c[strings.Join(parts[:i+1], ".")] == mapping.Nested {
				here["type"] = "nested"
			}
			properties[part] = here
		}
		inner, isObject := here["properties"].(object)
		if !isObject {
			if typ := here["type"]; i == len(parts)-2 && typ != mapping.Flattened {
				fields, _ := here["fields"].(object)
				if fields == nil {
					fields = object{}
				}
				fields[parts[i+1]] = fieldMapping(c[name])
				here["fields"] = fields
			}
			return
		}
		properties = inner
	}
}

func fieldMapping(typ mapping.Type) object {
	switch typ {
	case mapping.Nested:
		return object{"type": "nested", "properties": object{}}
	case mapping.ScaledFloat:
		return object{"type": typ, "scaling_factor": 1000}
	case wordType:
		return object{"type": mapping.Keyword}
	case mapping.Object:
		return object{"properties": object{}}
	default:
		return object{"type": typ}
	}
}

// fieldsOfRule returns all fields of a rule.
func fieldsOfRule(r *rule.Rule) []string {
	names := map[string]bool{"@timestamp": true, "event.ingested": true}
	add := func(more ...string) {
		for _, n := range more {
			names[n] = true
		}
	}
	if q := parsedQuery(r); q != nil {
		add(q.Names()...)
	}
	add(translate.NarrowingNames(r)...)
	add(r.TimestampOverride, r.TiebreakerField, r.RuleNameOverride)
	if s := r.AlertSuppression; s != nil {
		add(s.GroupBy...)
	}
	if n := r.NewTerms; n != nil {
		add(n.Fields...)
	}
	if t := r.Threshold; t != nil {
		add(t.Fields...)
		for _, card := range t.Cardinality {
			add(card.Field)
		}
	}
	if t := r.ThreatMatch; t != nil {
		for _, m := range t.Mapping {
			for _, e := range m.Entries {
				add(e.Field, e.Value)
			}
		}
		add(translate.FilterNames(t.Filters)...)
		if q, _ := translate.Parse(t.Language, t.Query, translate.Options{}); q != nil {
			add(q.Names()...)
		}
	}
	return slices.Collect(maps.Keys(names))
}

// parsedQuery returns the query of a rule in a language with conditions, nil for other languages.
func parsedQuery(r *rule.Rule) translate.Query {
	if !translate.Supports(r.Language) {
		return nil
	}
	q, _ := translate.Parse(r.Language, r.Query, translate.Options{CategoryField: r.EventCategoryOverride})
	return q
}

// conditionsOfRule returns the conditions for the events of a rule, one for each step.
func conditionsOfRule(r *rule.Rule, fields mapping.Fields) []condition.Expr {
	q := parsedQuery(r)
	if q == nil {
		return nil
	}
	if q.Shape() == translate.Events {
		if e, _ := q.Lower(fields); e != nil {
			return []condition.Expr{e}
		}
		return nil
	}
	steps, _ := q.LowerSteps(fields)
	if steps == nil {
		return nil
	}
	var out []condition.Expr
	for _, s := range steps.Terms {
		out = append(out, s.Where)
	}
	return out
}
