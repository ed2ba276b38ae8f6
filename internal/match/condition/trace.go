package condition

import (
	"fmt"

	"tocsin/internal/match/mapping"
)

// Trace says for every part of a condition whether it holds for one document, and why.
type Trace struct {
	// Text is the operator of an inner node, or the whole test of a leaf.
	Text string `json:"text"`
	// Op is how an inner node follows from its parts; "" for a leaf, whose parts, if there are any, only illustrate it.
	Op Op `json:"op,omitempty"`
	// Of names what the part is of the rule: an exception, a filter, a step. It is empty for parts of these.
	Of string `json:"of,omitempty"`
	// Holds is the part's answer for the document.
	Holds bool `json:"holds"`
	// Values are the indexed values of a leaf's field.
	Values []string `json:"values,omitempty"`
	// Deciding marks the leaves that [Decide] has found.
	Deciding bool    `json:"deciding,omitempty"`
	Parts    []Trace `json:"parts,omitempty"`
}

// NewTrace evaluates every part of a condition, including parts that do not affect the result.
func NewTrace(e Expr, fields mapping.Fields, d Document) (Trace, error) {
	switch e := e.(type) {
	case And:
		return traceParts(OpAnd, e, e, fields, d)
	case Or:
		return traceParts(OpOr, e, e, fields, d)
	case Not:
		return traceParts(OpNot, e, []Expr{e.X}, fields, d)
	}
	m, err := Compile(e, fields)
	if err != nil {
		return Trace{}, err
	}
	t := Trace{Text: e.String(), Holds: m.Match(d)}
	if n, ok := e.(Nested); ok {
		d.AnyObject(n.Path, func() bool {
			t.addValues(n.X, nestedView{n.Path, fields}, d)
			return false
		})
		return t, nil
	}
	t.addValues(e, fields, d)
	return t, nil
}

// addValues adds the document's values of the fields that a test reads.
func (t *Trace) addValues(e Expr, fields mapping.Fields, d Document) {
	for _, name := range Fields(e) {
		f, ok := fields.Field(name)
		if !ok {
			continue
		}
		for _, v := range d.Values(f) {
			t.Values = append(t.Values, v.Text())
		}
	}
}

// Part is a part of a rule's condition. Of names it; the query itself has no name.
type Part struct {
	Of    string
	Where Expr
}

// TraceParts traces a condition as the parts that it consists of: all of them must hold. It is an error if they do not
// add up to the whole.
func TraceParts(whole Expr, parts []Part, fields mapping.Fields, d Document) (Trace, error) {
	if len(parts) < 2 {
		return NewTrace(whole, fields, d)
	}
	m, err := Compile(whole, fields)
	if err != nil {
		return Trace{}, err
	}
	t := Trace{Text: string(OpAnd), Op: OpAnd, Holds: true}
	for _, p := range parts {
		part, err := NewTrace(p.Where, fields, d)
		if err != nil {
			return Trace{}, err
		}
		t.Holds = t.Holds && part.Holds
		if part.Of = p.Of; part.Op == OpAnd && p.Of == "" {
			t.Parts = append(t.Parts, part.Parts...)
			continue
		}
		t.Parts = append(t.Parts, part)
	}
	if t.Holds != m.Match(d) {
		return Trace{}, fmt.Errorf("trace the parts of %s: together they have another result", whole)
	}
	return t, nil
}

func traceParts(op Op, whole Expr, parts []Expr, fields mapping.Fields, d Document) (Trace, error) {
	m, err := Compile(whole, fields)
	if err != nil {
		return Trace{}, err
	}
	t := Trace{Text: string(op), Op: op, Holds: m.Match(d)}
	for _, p := range parts {
		part, err := NewTrace(p, fields, d)
		if err != nil {
			return Trace{}, err
		}
		t.Parts = append(t.Parts, part)
	}
	return t, nil
}
