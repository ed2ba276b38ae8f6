package lucene

import (
	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// The codes of lowering warnings.
const (
	// CodeOptional: a clause that does not affect the result.
	CodeOptional = "lucene/optional"
	// CodeUnmapped: no index maps the field, so the test on it can never hold.
	CodeUnmapped = "lucene/unmapped-field"
	// CodeValue: the field's type does not have such a value or test, so it can never hold.
	CodeValue = "lucene/value"
)

// Options are the settings of lowering a query, including parameters of its query_string clause.
// Except for Fields, the zero value is what Kibana sends.
type Options struct {
	// Fields looks up names.
	Fields mapping.Fields
	// DefaultAnd makes clauses required by default: default_operator is AND.
	DefaultAnd bool
	// DefaultField is the field of tests that name none; "" is all fields.
	DefaultField string
	// Strict makes a value that the field cannot have an error. Otherwise it matches nothing.
	Strict bool
	// Whole is searched for instead of a query that is not a condition; nil is the clause that
	// Kibana would send.
	Whole condition.Query
}

// Lower lowers a query to a condition, or to a condition.Raw if conditions cannot express it. text
// is the text given to [Parse]; warnings have positions in it. The condition is nil when a
// diagnostic is an error.
func Lower(q *Query, text diag.Text, opts Options) (condition.Expr, diag.List) {
	if q.Where == nil {
		return condition.Const(true), nil
	}
	l := lowerer{text: text, opts: opts, warned: map[string]bool{}}
	where := l.list(q.Where, l.defaultField())
	l.diags.Sort()
	if !l.searchOnly {
		return condition.Simplify(where), l.diags
	}
	whole := opts.Whole
	if whole == nil {
		whole = condition.Query{"query_string": condition.Query{"query": text.Value, "analyze_wildcard": true}}
	}
	raw, err := condition.NewRaw(whole)
	if err != nil {
		all := diag.Span{End: len(text.Value)}
		return nil, append(l.diags, text.Report(diag.Error, CodeSyntax, all, "%v", err))
	}
	if len(mapping.Ways(opts.Fields, q.Names())) == 1 {
		return raw, l.diags
	}
	// Where indices map a field differently, the query may still be a condition for each of them.
	return raw.Reading(q.Names(), func(fields mapping.Fields) (condition.Expr, bool) {
		opts := opts
		opts.Fields = fields
		own := lowerer{text: text, opts: opts, warned: map[string]bool{}}
		where := own.list(q.Where, own.defaultField())
		return condition.Simplify(where), !own.searchOnly
	}), l.diags
}

// lowerer collects diagnostics.
type lowerer struct {
	text   diag.Text
	opts   Options
	diags  diag.List
	warned map[string]bool
	// searchOnly is set when a part of the query is not a condition.
	searchOnly bool
}

func (l *lowerer) defaultField() *Field {
	if l.opts.DefaultField == "" {
		return nil
	}
	return &Field{Name: l.opts.DefaultField}
}

// giveUp gives up on a part: the whole query is left to the search, as the meaning of a part depends
// on its context.
func (l *lowerer) giveUp() condition.Expr {
	l.searchOnly = true
	return condition.Const(true)
}

// list lowers clauses; field is the field of tests that name none.
func (l *lowerer) list(list *List, field *Field) condition.Expr {
	s := sortClauses(list, l.opts.DefaultAnd)
	out := condition.And(l.all(s.required, field))
	for _, e := range l.all(s.prohibited, field) {
		out = append(out, condition.Not{X: e})
	}
	switch {
	case len(s.optional) == 0:
	case len(s.required) == 0:
		out = append(out, condition.Or(l.all(s.optional, field)))
	default:
		l.warnOptional(s.optional)
	}
	return out
}

func (l *lowerer) all(nodes []Node, field *Field) []condition.Expr {
	out := make([]condition.Expr, len(nodes))
	for i, n := range nodes {
		out[i] = l.node(n, field)
	}
	return out
}

func (l *lowerer) node(n Node, field *Field) condition.Expr {
	switch n := n.(type) {
	case *Group:
		return l.list(n.List, either(n.Field, field))
	case *Range:
		return l.rangeOf(n, either(n.Field, field))
	case *Test:
		return l.test(n, either(n.Field, field))
	}
	panic("lucene: unknown node type")
}

func either(own, around *Field) *Field {
	if own != nil {
		return own
	}
	return around
}
