package condition

import (
	"fmt"

	"tocsin/internal/mapping"
)

// Expr is a node of the tree: one of the types of this file. Trees are values, never changed.
type Expr interface {
	fmt.Stringer
	expr()
}

// Const is true of every document, or of none.
type Const bool

// And is true when all members are; without members it is true.
type And []Expr

// Or is true when one member is; without members it is false.
type Or []Expr

// Not is true exactly where its operand is not.
type Not struct{ X Expr }

// Exists is true when the field has an indexed value.
type Exists struct{ Field string }

// LeftOut is true when the field has a value that the index leaves out: one that is too long for it, or
// malformed. Ignored is the name that _ignored has for the field ([mapping.Field.Ignored]).
type LeftOut struct{ Field, Ignored string }

// Term is true when a value of the field equals Value: a string, bool, int64 or float64, or nil, which
// nothing can be. Fold ignores the case of ASCII letters, for strings only.
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

// Wildcard is true when a whole value matches Pattern, in which * stands for any run of
// characters, ? for exactly one, and a backslash takes the meaning from the character behind it.
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

// Regexp is true when a whole value matches Pattern in Lucene's syntax, all optional operators on.
type Regexp struct {
	Field   string
	Pattern string
	Fold    bool
}

// Range is true when one value of the field lies within all bounds that are not nil.
type Range struct {
	Field            string
	Gt, Gte, Lt, Lte any
	// Format is the date format of the bounds; "" is the field's own.
	Format string
	// TimeZone is that of bounds that name none; "" is UTC.
	TimeZone string
}

// CIDR is true when a value of the field is an address within one of the networks.
type CIDR struct {
	Field    string
	Networks []string
}

// Match is true when the field's own way of reading a text finds Value in it: beside analysed text
// any of its words, or with Phrase all of them in order; beside every other type the one value that
// the text stands for there. Value is a string, a bool, or nil, which nothing can be read as. The
// Field "" stands for all fields, and those that cannot read the value are passed over.
type Match struct {
	Field  string
	Value  any
	Phrase bool
}

// QueryString is true when a term of the field matches Pattern, written as that of a [Wildcard]. It
// is for fields of which it is not known that their terms are whole values: blanks separate
// patterns. The Field "" stands for all fields.
type QueryString struct {
	Field   string
	Pattern string
}

// Nested is true when one and the same object of the nested field Path meets X.
type Nested struct {
	Path string
	X    Expr
	// IgnoreUnmapped makes it false where the field is not mapped, else that is an error.
	IgnoreUnmapped bool
}

// Residual is a test that Query DSL cannot say: it is evaluated in memory on what the rest of the
// condition leaves over. Its fields count as one row of values at a time; it is true when it holds
// of any row.
type Residual struct {
	// Text is the test as people wrote it; equal texts mean equal tests.
	Text string
	// Fields are what it reads; Required those of them without which it cannot hold.
	Fields, Required []string
	// Holds judges one row: row[i] is a value of Fields[i], nil where the document has none.
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

// bound is one limit of a range under its Query DSL name.
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
