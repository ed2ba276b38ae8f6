package kql

import (
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// target is one field that a name matches.
type target struct {
	name string
	// Field has an unknown type if the name is not mapped.
	mapping.Field
	// nested is the nearest nested object that contains the field.
	nested string
}

// isKeyword reports whether values are whole terms in all indices, the only case in which Kibana
// treats a field as keyword.
func (t target) isKeyword() bool {
	switch t.Type {
	case mapping.Keyword, mapping.ConstantKeyword, mapping.Wildcard:
		return len(t.Conflict) == 0
	default:
		return false
	}
}

func (t target) isDate() bool {
	return t.Type.Family() == mapping.FamilyDate && len(t.Conflict) == 0
}

// each tests every field that a name matches; one of them must match. Fields that a star found in
// nested objects are tested within those.
func (l *lowerer) each(field *Value, path string, test func(target) condition.Expr) condition.Expr {
	var out condition.Or
	for _, f := range l.targets(field, path) {
		e := test(f)
		if field.Kind == Pattern && f.nested != "" && path == "" {
			e = condition.Nested{Path: f.nested, X: e, IgnoreUnmapped: l.opts.IgnoreUnmapped}
		}
		out = append(out, e)
	}
	return out
}

// targets returns the fields that a name matches. A name without matches is returned itself.
func (l *lowerer) targets(field *Value, path string) []target {
	name := fullName(path, field)
	found := l.lookup(field, path)
	if len(found) == 0 {
		if _, anyName := l.opts.Fields.Field(name); !anyName {
			l.unmapped(field, name)
		}
		return []target{{name: name}}
	}
	if field.Kind == Pattern && path == "" {
		return found
	}
	for _, f := range found {
		l.checkNested(field.Span, f, path)
	}
	return found
}

func (l *lowerer) lookup(field *Value, path string) []target {
	if field.Kind != Pattern {
		name := fullName(path, field)
		if f, ok := l.opts.Fields.Field(name); ok {
			return []target{l.target(name, f)}
		}
		return nil
	}
	prefix := ""
	if path != "" {
		prefix = path + "."
	}
	matches := condition.WildcardTest(patternText.Replace(prefix)+pattern(field), false)
	var found []target
	for _, name := range l.names() {
		if !matches(name) {
			continue
		}
		if f, ok := l.opts.Fields.Field(name); ok && f.Type.Family() != mapping.FamilyObject {
			found = append(found, l.target(name, f))
		}
	}
	return found
}

// names returns the names of all fields, sorted, as far as known.
func (l *lowerer) names() []string {
	named, ok := l.opts.Fields.(interface{ Names() []string })
	if ok && l.known == nil {
		l.known = slices.Clone(named.Names())
		slices.Sort(l.known)
		l.known = slices.Compact(l.known)
	}
	return l.known
}

func (l *lowerer) target(name string, f mapping.Field) target {
	t := target{name: name, Field: f, nested: f.Nested}
	for i := strings.LastIndexByte(name, '.'); i > 0; i = strings.LastIndexByte(name[:i], '.') {
		if above, ok := l.opts.Fields.Field(name[:i]); ok && above.Type == mapping.Nested {
			t.nested = name[:i]
			break
		}
	}
	return t
}

// checkNested requires that a nested field is in the group of its object, and other fields in none.
func (l *lowerer) checkNested(at diag.Span, f target, path string) {
	switch {
	case f.Type == mapping.Unknown || f.nested == path || f.Type == mapping.Nested:
	case f.nested == "":
		l.fail(at, CodeNested, `%s is not a nested field but is in nested group "%s" in the KQL expression.`, f.name, path)
	case path == "":
		l.fail(at, CodeNested, "%s is a nested field, but is not in a nested group in the KQL expression.", f.name)
	default:
		l.fail(at, CodeNested, "Nested field %s is being queried with the incorrect nested path. The correct path is %s.", f.name, f.nested)
	}
}

// unmapped reports once per name that the test can never match.
func (l *lowerer) unmapped(field *Value, name string) {
	if l.opts.Quiet || l.warned[name] {
		return
	}
	l.warned[name] = true
	advice := "no index has it, so no event can match here"
	if near := mapping.Nearest(l.opts.Fields, name); near != "" && field.Kind != Pattern {
		advice += "; did you mean [" + near + "]?"
	}
	l.diags = append(l.diags, l.text.Report(diag.Warning, CodeUnmapped, field.Span, "Unknown field [%s]: %s", name, advice).About(name))
}
