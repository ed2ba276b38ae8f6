package lint

import (
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/match/mapping"
	"tocsin/internal/translate/eql"
	"tocsin/internal/translate/kql"
)

// formula is a condition as far as its logic can be decided without knowing events.
type formula struct {
	op operator
	// text is the condition in canonical form: equal texts mean equal conditions.
	text string
	// shown is the condition for people, if it is not what stands at span.
	shown string
	span  diag.Span
	xs    []*formula
	// atom is what a leaf tests; nil if only its text is known.
	atom *atom
	// constant is the value of a constant.
	constant bool
}

type operator int

const (
	leaf operator = iota
	and
	or
	not
	constant
)

// atom is true of an event with a value of the field that one of values or the bounds fit.
type atom struct {
	field string
	// list: the field may hold several values, or is not known to hold one.
	list   bool
	values []pattern
	// low and high are bounds of numbers; both are nil if values decide.
	low, high *bound
}

type bound struct {
	at     float64
	strict bool
}

// pattern is a value, or several values by a pattern with * and ?.
type pattern struct {
	text string
	wild bool
	fold bool
}

// single reports whether every event has at most one value of a field. Fields that are not of ECS may have lists.
func single(field string) bool {
	f, ok := mapping.ECS().Field(field)
	return ok && !mapping.ECSList(field) && f.Type.Family() != mapping.FamilyText && f.Type.Family() != mapping.FamilyObject && f.Nested == ""
}

func newAtom(field string, values ...pattern) *atom {
	f, known := mapping.ECS().Field(field)
	if field == "" || known && f.Type.Family() == mapping.FamilyText {
		return nil // words, not values
	}
	if known && f.Type == mapping.IP && slices.ContainsFunc(values, func(p pattern) bool { return p.wild || strings.Contains(p.text, "/") }) {
		return nil // networks
	}
	return &atom{field: field, list: !single(field), values: values}
}

// fromEQL converts the condition of an EQL query.
func fromEQL(n eql.Node) *formula {
	f := &formula{text: eql.Print(n), span: n.Pos()}
	switch n := n.(type) {
	case *eql.Logic:
		f.op = and
		if n.Op == "or" {
			f.op = or
		}
		for _, x := range n.Xs {
			f.xs = append(f.xs, fromEQL(x))
		}
	case *eql.Not:
		f.op, f.xs = not, []*formula{fromEQL(n.X)}
	case *eql.Literal:
		if b, ok := n.Value.(bool); ok {
			f.op, f.constant = constant, b
		}
	case *eql.Comparison:
		f.compare(n)
	case *eql.In:
		name, _ := fieldName(n.X)
		f.atom = newAtom(name, literals(n.Values, n.Fold)...)
		if n.Negated {
			return f.negated()
		}
	case *eql.Match:
		name, _ := fieldName(n.X)
		if n.Op != ":" && !strings.HasPrefix(n.Op, "like") {
			break
		}
		var values []pattern
		for _, p := range n.Patterns {
			if text, ok := p.Value.(string); ok {
				values = append(values, pattern{text, strings.ContainsAny(text, "*?"), n.Op != "like"})
			}
		}
		if len(values) == len(n.Patterns) {
			f.atom = newAtom(name, values...)
		}
	}
	return f
}

// negated returns the negation of a leaf that is written as one test, such as !=.
func (f *formula) negated() *formula {
	inner := *f
	inner.text = "not " + f.text
	return &formula{op: not, text: f.text, span: f.span, xs: []*formula{&inner}}
}

// compare makes a leaf of a comparison of a field with a constant.
func (f *formula) compare(n *eql.Comparison) {
	name, _ := fieldName(n.X)
	l, ok := n.Y.(*eql.Literal)
	if name == "" || !ok {
		return
	}
	equal := n.Op == "==" || n.Op == "!="
	switch {
	case equal && l.Value == nil:
		f.atom = &atom{field: name, list: true, values: []pattern{{"*", true, false}}}
		f.text = name + " != null"
	case equal:
		values := literals([]eql.Node{l}, false)
		if values == nil {
			return
		}
		f.atom = newAtom(name, values...)
		f.text = eql.Print(&eql.Comparison{Op: "==", X: n.X, Y: n.Y})
	default:
		if at, ok := number(l.Value); ok {
			f.atom = ranged(name, n.Op, at)
		}
		return
	}
	if (n.Op == "!=") != (l.Value == nil) {
		inner := *f
		f.op, f.xs, f.atom, f.text = not, []*formula{&inner}, nil, "not "+inner.text
	}
}

func ranged(field, op string, at float64) *atom {
	a := newAtom(field)
	if a == nil {
		return nil
	}
	switch b := (&bound{at, op == "<" || op == ">"}); op {
	case "<", "<=":
		a.high = b
	default:
		a.low = b
	}
	return a
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// literals returns constants as values; nil if one is no constant.
func literals(nodes []eql.Node, fold bool) []pattern {
	var out []pattern
	for _, n := range nodes {
		l, ok := n.(*eql.Literal)
		if !ok || l.Value == nil {
			return nil
		}
		switch v := l.Value.(type) {
		case string:
			out = append(out, pattern{text: v, fold: fold})
		case bool:
			out = append(out, pattern{text: strconv.FormatBool(v)})
		default:
			at, _ := number(v)
			out = append(out, pattern{text: strconv.FormatFloat(at, 'g', -1, 64)})
		}
	}
	return out
}

// fromKQL converts a KQL query; path is the nested object that it is in.
func fromKQL(n kql.Node, path string) *formula {
	f := &formula{shown: kql.Print(n), span: n.Pos()}
	f.text = path + ">" + f.shown
	switch n := n.(type) {
	case *kql.Logic:
		f.op = and
		if n.Op == "or" {
			f.op = or
		}
		for _, x := range n.Xs {
			f.xs = append(f.xs, fromKQL(x, path))
		}
	case *kql.Not:
		f.op, f.xs = not, []*formula{fromKQL(n.X, path)}
	case *kql.Is:
		switch {
		case path != "":
		case anything(n.Field) && anything(n.Value):
			f.op, f.constant = constant, true
		default:
			f.atom = isAtom(n)
		}
	case *kql.Range:
		at, err := strconv.ParseFloat(strings.Join(n.Value.Parts, "*"), 64)
		if name := join(path, n.Field); err == nil && path == "" && name != "" {
			f.atom = ranged(name, n.Op, at)
		}
	}
	return f
}

// anything reports whether a name or value in KQL is *.
func anything(v *kql.Value) bool {
	return v != nil && v.Kind == kql.Pattern && strings.Join(v.Parts, "") == ""
}

func isAtom(n *kql.Is) *atom {
	name, v := join("", n.Field), n.Value
	switch {
	case name == "" || v.Kind == kql.Null:
		return nil
	case v.Kind == kql.Pattern:
		if slices.ContainsFunc(v.Parts, func(p string) bool { return strings.ContainsAny(p, "*?") }) {
			return nil // characters that are no wildcards here
		}
		if anything(v) {
			return &atom{field: name, list: true, values: []pattern{{"*", true, false}}}
		}
		return newAtom(name, pattern{strings.Join(v.Parts, "*"), true, false})
	}
	text := v.Text()
	if at, err := strconv.ParseFloat(text, 64); err == nil {
		text = strconv.FormatFloat(at, 'g', -1, 64)
	}
	return newAtom(name, pattern{text: text})
}
