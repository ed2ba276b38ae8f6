package kql

import (
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// The codes of lowering diagnostics besides [CodeSyntax].
const (
	// CodeNested: a nested field outside of its group, or a group with other fields.
	CodeNested = "kql/nested"
	// CodeUnmapped: no index maps the field, so the test on it can never hold.
	CodeUnmapped = "kql/unmapped-field"
	// CodeValue: a value that is not valid in its place.
	CodeValue = "kql/value"
)

// Options are the settings of lowering a query, including Kibana's user settings.
type Options struct {
	// Fields looks up names. If it also has Names, stars in field names match those.
	Fields mapping.Fields
	// CaseInsensitive ignores the case of values for keyword fields.
	CaseInsensitive bool
	// NoLeadingWildcards rejects values that begin with a star, except a star alone.
	NoLeadingWildcards bool
	// IgnoreUnmapped makes a nested group with an unmapped path match nothing; else that is an
	// error.
	IgnoreUnmapped bool
	// Quiet leaves out the warnings about fields that no index has.
	Quiet bool
	// TimeZone is the zone of times that name none; "" means UTC.
	TimeZone string
}

// Lower lowers a query to a condition. text is the text given to [Parse]; diagnostics have
// positions in it. The condition is nil when one of them is an error.
func Lower(q *Query, text diag.Text, opts Options) (condition.Expr, diag.List) {
	if q.Where == nil {
		return condition.Const(true), nil
	}
	l := lowerer{text: text, opts: opts, warned: map[string]bool{}}
	where := l.node(q.Where, "")
	l.diags.Sort()
	if l.diags.HasErrors() {
		return nil, l.diags
	}
	return condition.Simplify(where), l.diags
}

// lowerer collects diagnostics.
type lowerer struct {
	text   diag.Text
	opts   Options
	diags  diag.List
	warned map[string]bool
	// known holds the names of all fields, read when a name with a star needs them.
	known []string
}

func (l *lowerer) fail(s diag.Span, code, format string, args ...any) condition.Expr {
	l.diags = append(l.diags, l.text.Report(diag.Error, code, s, format, args...))
	return condition.Const(false)
}

// node lowers a condition; path is its nested object, "" for the whole document.
func (l *lowerer) node(n Node, path string) condition.Expr {
	switch n := n.(type) {
	case *Is:
		return l.is(n, path)
	case *Range:
		return l.rangeOf(n, path)
	case *Nested:
		inner := fullName(path, n.Path)
		return condition.Nested{Path: inner, X: l.node(n.X, inner), IgnoreUnmapped: l.opts.IgnoreUnmapped}
	case *Not:
		return condition.Not{X: l.node(n.X, path)}
	case *Logic:
		members := make([]condition.Expr, len(n.Xs))
		for i, x := range n.Xs {
			members[i] = l.node(x, path)
		}
		if n.Op == "and" {
			return condition.And(members)
		}
		return condition.Or(members)
	}
	panic("kql: unknown node type")
}

// remark reports a question mark, which is a wildcard in other languages but not in KQL.
func (l *lowerer) remark(v *Value) {
	if v.Kind != Text && v.Kind != Pattern || !strings.Contains(strings.Join(v.Parts, ""), "?") {
		return
	}
	l.diags = append(l.diags, l.text.Report(diag.Note, CodeValue, v.Span, "? is no wildcard in KQL, it stands for itself; * is one"))
}

func (l *lowerer) is(n *Is, path string) condition.Expr {
	v := n.Value
	l.remark(v)
	if l.opts.NoLeadingWildcards && v.Kind == Pattern && v.Parts[0] == "" && !v.any() {
		return l.fail(v.Span, CodeValue, "Leading wildcards are disabled. See query:allowLeadingWildcards in Advanced Settings.")
	}
	switch {
	case n.Field != nil && n.Field.any() && v.any():
		return condition.Const(true)
	case n.Field == nil && path != "":
		n = &Is{&Value{Kind: Null, Parts: []string{"null"}, Span: v.Span}, v} // In a group Kibana does not read a name as a field.
	case n.Field == nil, n.Field.Kind == Null && path == "":
		everywhere := analysed("", v)
		if condition.OfNow(everywhere) && v.Text() != "now" { // which is a word
			l.diags = append(l.diags, l.text.Report(diag.Warning, CodeValue, v.Span,
				"date math without a field is resolved by Elasticsearch's own clock, not for the slot of the run: name a field"))
		}
		return everywhere
	}
	return l.each(n.Field, path, func(f target) condition.Expr { return l.test(f, v) })
}

// test compares one field with a value in the way of the field's type.
func (l *lowerer) test(f target, v *Value) condition.Expr {
	switch {
	case v.any():
		return condition.Exists{Field: f.name}
	case v.Kind == Pattern && f.isKeyword():
		return condition.Wildcard{Field: f.name, Pattern: sentPattern(v), Fold: l.opts.CaseInsensitive}
	case v.Kind != Pattern && f.isDate():
		return l.dated(condition.Range{Field: f.name, Gte: literal(v), Lte: literal(v)})
	case v.Kind != Pattern && f.isKeyword():
		value := literal(v)
		_, isText := value.(string)
		return condition.Term{Field: f.name, Value: value, Fold: l.opts.CaseInsensitive && isText}
	}
	return analysed(f.name, v)
}

// analysed leaves the meaning of the value to the field; "" is every field.
func analysed(field string, v *Value) condition.Expr {
	if v.Kind == Pattern {
		return condition.QueryString{Field: field, Pattern: pattern(v)}
	}
	return condition.Match{Field: field, Value: literal(v), Phrase: v.Kind == Quoted}
}

func (l *lowerer) rangeOf(n *Range, path string) condition.Expr {
	var bound any
	switch n.Value.Kind {
	case Null:
		return l.fail(n.Value.Span, CodeValue, "null is no bound of a range: write a value")
	case Pattern:
		bound = strings.Join(n.Value.Parts, "*")
		l.diags = append(l.diags, l.text.Report(diag.Warning, CodeValue, n.Value.Span, "in a bound * is a character like any other"))
	default:
		bound = literal(n.Value)
	}
	return l.each(n.Field, path, func(f target) condition.Expr {
		r := condition.Compared(f.name, n.Op, bound)
		if f.isDate() {
			r = l.dated(r)
		}
		return r
	})
}

// dated sets the time zone of the bounds. A count of milliseconds has none.
func (l *lowerer) dated(r condition.Range) condition.Range {
	for _, bound := range []any{r.Gt, r.Gte, r.Lt, r.Lte} {
		text, isText := bound.(string)
		isCount := isText && text != "" && strings.Trim(text, "0123456789") == ""
		if bound != nil && !isCount {
			r.TimeZone = l.opts.TimeZone
		}
	}
	return r
}

// literal returns the value as Kibana sends it: numbers stay text.
func literal(v *Value) any {
	switch v.Kind {
	case Null:
		return nil
	case True, False:
		return v.Kind == True
	default:
		return v.Text()
	}
}

// pattern writes a pattern for conditions: a question mark is an ordinary character in KQL.
func pattern(v *Value) string { return escapedParts(v, patternText) }

// sentPattern writes it as Kibana sends it, with a backslash before all special characters of a
// query string, although none is special here.
func sentPattern(v *Value) string { return escapedParts(v, queryText) }

func escapedParts(v *Value, escapes *strings.Replacer) string {
	parts := make([]string, len(v.Parts))
	for i, part := range v.Parts {
		parts[i] = escapes.Replace(part)
	}
	return strings.Join(parts, "*")
}

var (
	patternText = escaping(`\*?`)
	queryText   = escaping(`+-=&|><!(){}[]^"~*?:\/`)
)

// escaping puts a backslash before each of the characters.
func escaping(characters string) *strings.Replacer {
	var pairs []string
	for _, r := range characters {
		pairs = append(pairs, string(r), `\`+string(r))
	}
	return strings.NewReplacer(pairs...)
}
