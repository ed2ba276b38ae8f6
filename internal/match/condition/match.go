package condition

import "tocsin/internal/match/mapping"

// Document is the input of a matcher: [tocsin/internal/match/event.Document].
type Document interface {
	// Values returns the indexed values of a field.
	Values(f mapping.Field) []mapping.Value
	// HasObject reports whether there is a value at or below a name.
	HasObject(name string) bool
	// AnyObject reports whether a test holds for one of the objects at a name. During the test, the
	// document is that object alone, under its full name.
	AnyObject(name string, holds func() bool) bool
}

// Matcher evaluates one condition in memory, part by part as written, with short circuits but
// without shared work. It is safe for concurrent use on different documents.
type Matcher struct{ root *part }

// Match reports whether the condition is true of the document: the same answer as Elasticsearch's
// for its [DSL] under the same mapping.
func (m *Matcher) Match(d Document) bool { return m.root.match(d) }

// Compile makes a matcher of a condition under a mapping. A field that is not mapped has no
// values. The error names the field.
func Compile(e Expr, fields mapping.Fields) (*Matcher, error) {
	root, err := compile(trees{}, e, fields)
	if err != nil {
		return nil, err
	}
	return &Matcher{root}, nil
}

// Check returns the error of [Compile], at less cost.
func Check(e Expr, fields mapping.Fields) error {
	_, err := compile(nothing{}, e, fields)
	return err
}

// nothing is a maker without a result.
type nothing struct{}

func (nothing) constant(bool) nothing            { return nothing{} }
func (nothing) not(nothing) nothing              { return nothing{} }
func (nothing) join(operator, []nothing) nothing { return nothing{} }
func (nothing) leaf(leaf) nothing                { return nothing{} }
func (n nothing) test(e Expr, fields mapping.Fields) (nothing, error) {
	return compileTest(n, e, fields)
}

// part is a condition as a tree.
type part struct {
	op    operator
	parts []*part
	tests leaf
}

// trees is the maker of parts.
type trees struct{}

func (trees) constant(value bool) *part {
	if value {
		return &part{op: opTrue}
	}
	return &part{op: opFalse}
}

func (trees) not(x *part) *part { return &part{op: opNot, parts: []*part{x}} }

func (trees) join(op operator, parts []*part) *part { return &part{op: op, parts: parts} }

func (trees) leaf(l leaf) *part {
	l.value = l.value.complete()
	return &part{op: opLeaf, tests: l}
}

func (t trees) test(e Expr, fields mapping.Fields) (*part, error) {
	return compileTest(t, e, fields)
}

func (p *part) match(d Document) bool {
	switch p.op {
	case opLeaf:
		return p.tests.match(d)
	case opNot:
		return !p.parts[0].match(d)
	case opAnd:
		for _, x := range p.parts {
			if !x.match(d) {
				return false
			}
		}
		return true
	case opOr:
		for _, x := range p.parts {
			if x.match(d) {
				return true
			}
		}
		return false
	default:
		return p.op == opTrue
	}
}
