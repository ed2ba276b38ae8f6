// From a rule to its alert, 3 of 9: the text of a query becomes a condition. Next: internal/query/single/event.go.

package eql

import (
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// The codes of lowering diagnostics besides [CodeSyntax].
const (
	// CodeType: an operator or value does not fit the field's type.
	CodeType = "eql/type"
	// CodeField: a field cannot be queried: its type, or its different types in different indices.
	CodeField = "eql/field"
	// CodeUnmapped: no index maps the field, so the test on it can never hold.
	CodeUnmapped = "eql/unmapped-field"
	// CodeFunction: a function that does not exist, or the wrong arguments for one.
	CodeFunction = "eql/function"
)

// DefaultCategoryField is the field that `category where` tests.
const DefaultCategoryField = "event.category"

// Options are the settings of lowering a query.
type Options struct {
	// CategoryField is the event category field; "" means [DefaultCategoryField].
	CategoryField string
	// Fields looks up names; use mapping.Assumed() if no mapping is known.
	Fields mapping.Fields
	// Strict makes an unmapped field an error, as in Elasticsearch; else it is a warning, and no
	// document has the field.
	Strict bool
}

// Lower lowers an event query to a condition. text is the text given to [Parse]; diagnostics have
// positions in it. The condition is nil when one of them is an error.
func Lower(q *Query, text diag.Text, opts Options) (condition.Expr, diag.List) {
	l := newLowerer(text, &opts)
	where := l.eventQuery(q.Event, opts.CategoryField)
	l.diags.Sort()
	if l.diags.HasErrors() {
		return nil, l.diags
	}
	return condition.Simplify(where), l.diags
}

func newLowerer(text diag.Text, opts *Options) *lowerer {
	if opts.CategoryField == "" {
		opts.CategoryField = DefaultCategoryField
	}
	return &lowerer{text: text, fields: opts.Fields, strict: opts.Strict, warned: map[string]bool{}}
}

// lowerer collects diagnostics. Its methods return nil for the constant null.
type lowerer struct {
	text   diag.Text
	fields mapping.Fields
	strict bool
	diags  diag.List
	warned map[string]bool
}

func (l *lowerer) fail(s diag.Span, code, format string, args ...any) condition.Expr {
	l.diags = append(l.diags, l.text.Report(diag.Error, code, s, format, args...))
	return condition.Const(false)
}

func (l *lowerer) eventQuery(q *EventQuery, categoryField string) condition.Expr {
	where := l.condition(q.Where)
	if where == nil {
		where = condition.Const(false) // null selects nothing
	}
	if q.Any {
		return where
	}
	category := &Field{Name: categoryField, Span: q.CategorySpan}
	return condition.And{l.equal(category, &Literal{q.Category, q.CategorySpan}), where}
}

// condition lowers an expression that must be true or false.
func (l *lowerer) condition(n Node) condition.Expr {
	switch n := n.(type) {
	case *Literal:
		return l.constantCondition(n)
	case *Field:
		return l.booleanField(n)
	case *Not:
		return not(l.condition(n.X))
	case *Logic:
		return l.logic(n)
	case *Comparison:
		return l.comparison(n)
	case *In:
		return l.in(n)
	case *Match:
		return l.match(n)
	case *Call:
		return l.booleanCall(n)
	}
	if k, ok := l.kind(n); ok {
		return l.fail(n.Pos(), CodeType, "Condition expression needs to be boolean, found [%s]", strings.ToUpper(string(k)))
	}
	return condition.Const(false)
}

func (l *lowerer) constantCondition(n *Literal) condition.Expr {
	switch v := n.Value.(type) {
	case nil:
		return nil
	case bool:
		return condition.Const(v)
	}
	return l.fail(n.Span, CodeType, "Condition expression needs to be boolean, found [%s]", strings.ToUpper(string(kindOfLiteral(n.Value))))
}

func (l *lowerer) booleanField(n *Field) condition.Expr {
	return l.onField(n, func(f mapping.Field) condition.Expr {
		if f.Type.Family() != mapping.FamilyBoolean && f.Type != mapping.Unknown {
			return l.fail(n.Span, CodeType, "Condition expression needs to be boolean, found [%s]", strings.ToUpper(string(f.Type)))
		}
		return condition.Term{Field: f.Name, Value: true}
	})
}

// logic follows SQL's three-valued logic: false decides an and, true an or; otherwise null makes an
// and null, and is dropped from an or.
func (l *lowerer) logic(n *Logic) condition.Expr {
	decided := condition.Expr(condition.Const(n.Op == "or"))
	var members []condition.Expr
	hasNull, isDecided := false, false
	for _, x := range n.Xs {
		m := l.condition(x)
		if m == nil {
			hasNull = true
			continue
		}
		isDecided = isDecided || condition.Simplify(m) == decided
		members = append(members, m)
	}
	switch {
	case isDecided:
		return decided
	case hasNull && (n.Op == "and" || len(members) == 0):
		return nil
	case n.Op == "and":
		return condition.And(members)
	}
	return condition.Or(members)
}

func not(x condition.Expr) condition.Expr {
	if x == nil {
		return nil
	}
	return condition.Not{X: x}
}
