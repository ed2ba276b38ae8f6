//go:build integration

package integration

import (
	"strings"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
	"tocsin/internal/translate"
)

// corpusProperties are the ECS fields and the other fields in rules, with types that fit the rules.
func corpusProperties(rules []*rule.Rule) map[string]any {
	properties := map[string]any{}
	ecs := mapping.ECS()
	for name, f := range ecs {
		if f.Path == "" && f.Type.Family() != mapping.FamilyObject && !shadowed(ecs, name) {
			properties[name] = map[string]any{"type": f.Type}
		}
	}
	types := typesOf(rules)
	for name, typ := range types {
		if _, known := ecs.Field(name); !known && groupOf(types, name) == "" {
			properties[name] = map[string]any{"type": typ}
		}
	}
	inner := map[string]map[string]any{}
	for name, typ := range types {
		group := groupOf(types, name)
		if _, known := ecs.Field(name); known || group == "" {
			continue
		}
		if inner[group] == nil {
			inner[group] = map[string]any{}
		}
		inner[group][name[len(group)+1:]] = map[string]any{"type": typ}
		if f, known := ecs.Field(group); known {
			properties[group] = map[string]any{"type": f.Type, "fields": inner[group]}
		} else {
			properties[group] = map[string]any{"type": "nested", "properties": inner[group]}
		}
	}
	return properties
}

// shadowed reports whether an ECS field is below another field with a value.
func shadowed(ecs mapping.Table, name string) bool {
	for i := strings.LastIndexByte(name, '.'); i > 0; i = strings.LastIndexByte(name[:i], '.') {
		if above, ok := ecs[name[:i]]; ok && above.Type.Family() != mapping.FamilyObject {
			return true
		}
	}
	return false
}

// groupOf returns the parent of a field: a nested object that a query uses, or an ECS field with a value.
func groupOf(types map[string]mapping.Type, name string) string {
	for i := strings.LastIndexByte(name, '.'); i > 0; i = strings.LastIndexByte(name[:i], '.') {
		above, known := mapping.ECS().Field(name[:i])
		if _, named := types[name[:i]]; named && !known || known && above.Type.Family() != mapping.FamilyObject {
			return name[:i]
		}
	}
	return ""
}

// typesOf returns the type of every field in the rules, by the compared values; the default is keyword.
func typesOf(rules []*rule.Rule) map[string]mapping.Type {
	types := map[string]mapping.Type{}
	for _, r := range rules {
		q, _ := translate.Parse(r.Language, r.Query, translate.Options{CategoryField: r.EventCategoryOverride})
		for _, name := range q.Names() {
			if types[name] == "" {
				types[name] = mapping.Keyword
			}
		}
		for _, e := range conditionsOf(q) {
			condition.Walk(e, func(leaf condition.Expr) { typeOfLeaf(types, leaf) })
		}
	}
	return types
}

func conditionsOf(q translate.Query) []condition.Expr {
	if q.Shape() == translate.Events {
		e, _ := q.Lower(mapping.Untyped())
		return []condition.Expr{e}
	}
	steps, _ := q.LowerSteps(mapping.Untyped())
	var out []condition.Expr
	for _, s := range steps.Terms {
		out = append(out, s.Where)
	}
	return out
}

func typeOfLeaf(types map[string]mapping.Type, leaf condition.Expr) {
	set := func(field string, value any) {
		switch value.(type) {
		case bool:
			types[field] = mapping.Boolean
		case int64, float64:
			types[field] = mapping.Double
		}
	}
	switch l := leaf.(type) {
	case condition.Term:
		set(l.Field, l.Value)
	case condition.Terms:
		for _, v := range l.Values {
			set(l.Field, v)
		}
	case condition.Range:
		for _, v := range []any{l.Gt, l.Gte, l.Lt, l.Lte} {
			set(l.Field, v)
		}
	case condition.CIDR:
		types[l.Field] = mapping.IP
	}
}
