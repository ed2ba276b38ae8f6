package counting

import (
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/binding"
	"tocsin/internal/rule"
)

// CodeGroupField marks a field by whose values events cannot be grouped.
const CodeGroupField = "rule/group-field"

// fieldBinder decides how the fields of groups are counted under a mapping.
type fieldBinder struct {
	rule    *rule.Rule
	fields  mapping.Fields
	indexed bool
	// mixed is set if the values of a field can be counted only as texts.
	mixed bool
	diags diag.List
}

func (b *fieldBinder) all(fields []groupField) []groupField {
	out := make([]groupField, len(fields))
	for i, f := range fields {
		out[i] = b.bind(f)
	}
	return out
}

// bind chooses the field that is counted: for analysed text the field with its exact values, for a field with different
// types its values as texts, otherwise the field itself.
func (b *fieldBinder) bind(g groupField) groupField {
	f, mapped := b.fields.Field(g.name)
	if !mapped {
		b.unmapped(g)
		g.field = mapping.Field{Name: g.name}
		return g
	}
	g.field, g.mapped = f, true
	family := f.Type.Family()
	switch {
	case b.nested(f) != "":
		b.report(diag.Warning, g, "field [%s] is within the nested object [%s]: only values that the mapping copies to the document are counted", g.name, b.nested(f))
	case len(f.Conflict) > 0:
		b.report(diag.Warning, g, "field [%s] is [%s], and %s: its values are counted in memory, by their texts", g.name, f.Type, strings.Join(f.Conflict, ", "))
		g.field = mapping.Field{Name: f.Name, Path: f.Path}
		b.mixed = true
	case family == mapping.FamilyText && f.Exact != "":
		if exact, ok := b.fields.Field(f.Exact); ok {
			g.field = exact
		}
	case family == mapping.FamilyText:
		b.report(diag.Error, g, "field [%s] is analysed text: its values make no groups; name a field of type keyword", g.name)
	case family == mapping.FamilyObject, family == mapping.FamilyOther:
		b.report(diag.Error, g, "field [%s] is of type [%s]: its values make no groups", g.name, f.Type)
	}
	if err := b.inMemory(g.field, f); err != nil && !b.indexed && !b.diags.HasErrors() {
		b.report(diag.Error, g, "field [%s]: %v", g.name, err)
	}
	b.diags = append(b.diags, binding.LongValues(b.rule, g.key, b.fields, g.field.Name)...)
	return g
}

// inMemory returns an error if the values that are counted cannot be read from documents. For a field with different types,
// their texts can.
func (b *fieldBinder) inMemory(counted, f mapping.Field) error {
	if len(f.Conflict) > 0 {
		return counted.InMemory() //nolint:wrapcheck // the caller says of which field
	}
	return mapping.InMemory(b.fields, counted.Name) //nolint:wrapcheck // the caller says of which field
}

func (b *fieldBinder) report(severity diag.Severity, g groupField, format string, args ...any) {
	b.diags = append(b.diags, b.rule.Report(severity, CodeGroupField, g.key, format, args...))
}

func (b *fieldBinder) unmapped(g groupField) {
	advice := "no index has it, so nothing is counted"
	if near := mapping.Nearest(b.fields, g.name); near != "" {
		advice += "; did you mean [" + near + "]?"
	}
	b.diags = append(b.diags, b.rule.Report(diag.Warning, query.CodeUnmappedField, g.key, "Unknown field [%s]: %s", g.name, advice).About(g.name))
}

// nested returns the name of the nested object that contains a field; "" if there is none.
func (b *fieldBinder) nested(f mapping.Field) string {
	if f.Nested != "" {
		return f.Nested
	}
	for name := f.Name; ; {
		i := strings.LastIndexByte(name, '.')
		if i < 0 {
			return ""
		}
		name = name[:i]
		if above, ok := b.fields.Field(name); ok && above.Type == mapping.Nested {
			return name
		}
	}
}

// placed returns the first of several keys that the rule's file has: a field may be in a list or alone, and under its name
// in Kibana's API.
func placed(r *rule.Rule, keys ...string) string {
	for _, key := range keys {
		if r.Source == nil {
			break
		}
		if _, _, found := r.Source.Place(key); found {
			return key
		}
	}
	return keys[0]
}
