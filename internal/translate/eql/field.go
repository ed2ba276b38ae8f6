package eql

import (
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// fieldState is the result of looking up a field's name.
type fieldState int

const (
	// mapped: the field can be tested, even if no index has it and no document will match.
	mapped fieldState = iota
	// constantNull: ?field of a field that no index maps.
	constantNull
	// failed: an error was reported.
	failed
)

// resolve returns the field of a name for comparing whole values: the field itself, or the keyword
// sub-field of analysed text.
func (l *lowerer) resolve(n *Field) (mapping.Field, fieldState) {
	f, state := l.lookup(n)
	if state != mapped {
		return f, state
	}
	switch f.Type.Family() {
	case mapping.FamilyText:
		return l.exact(n, f)
	case mapping.FamilyObject, mapping.FamilyOther:
		l.fail(n.Span, CodeField, "Cannot use field [%s] with unsupported type [%s]", n.Name, f.Type)
		return f, failed
	default:
	}
	return f, mapped
}

// onField lowers a test of a field's whole values. If the field is the constant null, the test is
// null and returned as nil. If the lookup failed, the error was reported and the test is false.
func (l *lowerer) onField(n *Field, test func(mapping.Field) condition.Expr) condition.Expr {
	f, state := l.resolve(n)
	switch state {
	case constantNull:
		return nil
	case failed:
		return condition.Const(false)
	case mapped:
	}
	return test(f)
}

// lookup returns the field of a name without requiring whole values, as for null tests.
func (l *lowerer) lookup(n *Field) (mapping.Field, fieldState) {
	if parent := l.nestedParent(n.Name); parent != "" {
		l.fail(n.Span, CodeField, "Cannot use field [%s] with unsupported nested type in hierarchy (field [%s])", n.Name, parent)
		return mapping.Field{}, failed
	}
	f, ok := l.fields.Field(n.Name)
	switch {
	case !ok && n.Optional:
		return f, constantNull
	case !ok:
		l.unmapped(n)
		if l.strict {
			return f, failed
		}
		return mapping.Field{Name: n.Name}, mapped
	case len(f.Conflict) > 0:
		l.fail(n.Span, CodeField, "Cannot use field [%s] due to ambiguities being mapped as [%d] incompatible types: [%s], %s",
			n.Name, len(f.Conflict)+1, f.Type, strings.Join(f.Conflict, ", "))
		return f, failed
	case f.Type == mapping.Nested:
		l.fail(n.Span, CodeField, "Cannot use field [%s] type [nested] due to nested fields not being supported yet", n.Name)
		return f, failed
	}
	return f, mapped
}

// exact replaces analysed text by its keyword sub-field.
func (l *lowerer) exact(n *Field, f mapping.Field) (mapping.Field, fieldState) {
	if sub, ok := l.fields.Field(f.Exact); ok && f.Exact != "" {
		return sub, mapped
	}
	l.fail(n.Span, CodeField, "[%s] is analysed text without a keyword sub-field (or with more than one): its whole values cannot be compared", n.Name)
	return f, failed
}

// nestedParent returns the nearest parent name that is mapped as nested.
func (l *lowerer) nestedParent(name string) string {
	for i := strings.LastIndexByte(name, '.'); i > 0; i = strings.LastIndexByte(name[:i], '.') {
		if f, ok := l.fields.Field(name[:i]); ok && f.Type == mapping.Nested {
			return name[:i]
		}
	}
	return ""
}

// unmapped reports once per name that the test can never match.
func (l *lowerer) unmapped(n *Field) {
	if l.warned[n.Name] {
		return
	}
	l.warned[n.Name] = true
	severity, advice := diag.Warning, "no index has it, so no event can match here (write ?"+n.Name+" if it may be absent)"
	if l.strict {
		severity = diag.Error
	}
	if near := mapping.Nearest(l.fields, n.Name); near != "" {
		advice = "did you mean [" + near + "]?"
	}
	l.diags = append(l.diags, l.text.Report(severity, CodeUnmapped, n.Span, "Unknown column [%s]: %s", n.Name, advice).About(n.Name))
}
