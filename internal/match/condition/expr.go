package condition

import (
	"fmt"

	"tocsin/internal/match/mapping"
)

// Expr is a node of the tree: one of the types of this file. Trees are values, never changed.
type Expr interface {
	fmt.Stringer
	expr()
}

// Const is true of every document, or of no document.
type Const bool

// And is true when all members are true; without members it is true.
type And []Expr

// Or is true when one member is true; without members it is false.
type Or []Expr

// Not is true exactly where its operand is false.
type Not struct{ X Expr }

// Exists is true when the field has an indexed value.
type Exists struct{ Field string }

// LeftOut is true when the field has a value that the index leaves out: a value that is too long or
// malformed, or any value if the index does not map the field. Ignored is the field's name in _ignored
// ([mapping.Field.Ignored]). Unmapped lists, separated by commas, indices that drop unmapped values without
// recording them: a search returns every document of these.
type LeftOut struct{ Field, Ignored, Unmapped string }

// Term is true when a value of the field equals Value: a string, bool, int64 or float64, or nil,
// which no value equals. Fold ignores the case of ASCII letters, for strings only.
type Term struct {
	Field string
	Value any
	Fold  bool
}

// Terms is true when a value of the field equals one of Values.
type Terms struct {
	Field  string
	Values []any
}

// Wildcard is true when a whole value matches Pattern, in which * stands for any sequence of
// characters, ? for exactly one, and a backslash escapes the next character.
type Wildcard struct {
	Field   string
	Pattern string
	Fold    bool
}

// Prefix is true when a value begins with Value.
type Prefix struct {
	Field string
	Value string
	Fold  bool
}

// Regexp is true when a whole value matches Pattern in Lucene's syntax, with all optional operators
// enabled.
type Regexp struct {
	Field   string
	Pattern string
	Fold    bool
}

// Range is true when one value of the field lies within all bounds that are not nil.
type Range struct {
	Field            string
	Gt, Gte, Lt, Lte any
	// Format is the date format of the bounds; "" means the field's own.
	Format string
	// TimeZone is the zone of bounds that name none; "" is UTC.
	TimeZone string
}

// Compared returns the range of the values that stand in a relation to a bound: <, <=, > or >=; by any other operator,
// those that equal it.
func Compared(field, op string, bound any) Range {
	r := Range{Field: field}
	switch op {
	case "<":
		r.Lt = bound
	case "<=":
		r.Lte = bound
	case ">":
		r.Gt = bound
	case ">=":
		r.Gte = bound
	default:
		r.Gte, r.Lte = bound, bound
	}
	return r
}

// CIDR is true when a value of the field is an address within one of the networks.
type CIDR struct {
	Field    string
	Networks []string
}

// Match is true when Value matches the field in the way of its type. In analysed text it matches
// any word of Value, or with Phrase all of them in order; in a field of any other type it matches
// the one value that Value stands for. Value is a string, a bool, or nil, which matches nothing.
// The Field "" stands for all fields; fields that cannot read the value are skipped.
type Match struct {
	Field  string
	Value  any
	Phrase bool
}

// QueryString is true when a term of the field matches Pattern, written as in a [Wildcard]. It is
// for fields whose terms may not be whole values: blanks separate patterns. The Field "" stands for
// all fields.
type QueryString struct {
	Field   string
	Pattern string
}

// Nested is true when a single object of the nested field Path matches X.
type Nested struct {
	Path string
	X    Expr
	// IgnoreUnmapped makes it false where the field is not mapped. Otherwise an unmapped field is
	// an error.
	IgnoreUnmapped bool
}

// Residual is a test that Query DSL cannot express: it is evaluated in memory on the documents that
// the rest of the condition matches. It tests rows with one value of each field, and is true when
// it holds for any row.
type Residual struct {
	// Text is the test in its original form. Equal texts mean equal tests.
	Text string
	// Fields are the fields that it reads; Required are those without which it cannot hold.
	Fields, Required []string
	// Literals, if not nil, is a list of texts in lower case of which one occurs, once its ASCII letters are lowercased, in
	// every text of the only field for which the test holds: then it holds of single texts, and not of none.
	Literals []string
	// Wider, if not nil, is true of every document of which the test holds.
	Wider Expr
	// Holds tests one row: row[i] is a value of Fields[i], nil where the document has none.
	Holds func(row []*mapping.Value) bool
}

func (Const) expr()       {}
func (And) expr()         {}
func (Or) expr()          {}
func (Not) expr()         {}
func (Exists) expr()      {}
func (LeftOut) expr()     {}
func (Term) expr()        {}
func (Terms) expr()       {}
func (Wildcard) expr()    {}
func (Prefix) expr()      {}
func (Regexp) expr()      {}
func (Range) expr()       {}
func (CIDR) expr()        {}
func (Match) expr()       {}
func (QueryString) expr() {}
func (Nested) expr()      {}
func (Residual) expr()    {}

func (c Const) String() string { return text(c) }

func (a And) String() string { return text(a) }

func (o Or) String() string { return text(o) }

func (n Not) String() string { return text(n) }

func (e Exists) String() string { return text(e) }

func (o LeftOut) String() string { return text(o) }

func (t Term) String() string { return text(t) }

func (t Terms) String() string { return text(t) }

func (w Wildcard) String() string { return text(w) }

func (p Prefix) String() string { return text(p) }

func (r Regexp) String() string { return text(r) }

func (r Range) String() string { return text(r) }

func (c CIDR) String() string { return text(c) }

func (m Match) String() string { return text(m) }

func (q QueryString) String() string { return text(q) }

func (n Nested) String() string { return text(n) }

func (r Residual) String() string { return text(r) }

// bound is one bound of a range under its Query DSL name.
type bound struct {
	name  string
	value any
}

func (r Range) bounds() []bound {
	var out []bound
	for _, b := range []bound{{"gt", r.Gt}, {"gte", r.Gte}, {"lt", r.Lt}, {"lte", r.Lte}} {
		if b.value != nil {
			out = append(out, b)
		}
	}
	return out
}
