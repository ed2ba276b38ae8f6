package condition

import (
	"errors"
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
	// Cases are the values of a leaf that lists several, each as a test of its own; none if there are more than a hundred.
	Cases []Trace `json:"-"`
}

// NewTrace evaluates every part of a condition, including parts that do not affect the result.
func NewTrace(e Expr, fields mapping.Fields, d Document) (Trace, error) {
	switch e := e.(type) {
	case And:
		return traceParts(OpAnd, e, fields, d)
	case Or:
		return traceParts(OpOr, e, fields, d)
	case Not:
		return traceParts(OpNot, []Expr{e.X}, fields, d)
	}
	holds, err := matches(e, fields, d)
	if err != nil {
		return Trace{}, err
	}
	t := Trace{Text: e.String(), Holds: holds}
	if list, ok := e.(Terms); ok && len(list.Values) <= mostCases {
		for _, value := range list.Values {
			one := Term{Field: list.Field, Value: value}
			if m, err := Compile(one, fields); err == nil {
				t.Cases = append(t.Cases, Trace{Text: one.String(), Holds: m.Match(d)})
			}
		}
	}
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

const mostCases = 100

// Asker is a document whose index can be asked whether it meets a condition that only a search can match.
type Asker interface {
	Document
	Ask(e Expr) (bool, error)
}

// matches evaluates a leaf, or asks the index of the document.
func matches(e Expr, fields mapping.Fields, d Document) (bool, error) {
	m, err := Compile(e, fields)
	if asker, ok := d.(Asker); ok && onlySearched(err) {
		return asker.Ask(e) //nolint:wrapcheck // it says what it was doing
	}
	if err != nil {
		return false, err
	}
	return m.Match(d), nil
}

// onlySearched reports whether only a search can match a condition.
func onlySearched(err error) bool {
	return errors.Is(err, ErrAnalysed) || errors.Is(err, ErrSearchOnly)
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
	m, compileErr := Compile(whole, fields)
	if compileErr != nil && !onlySearched(compileErr) {
		return Trace{}, compileErr
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
	if compileErr == nil && t.Holds != m.Match(d) {
		return Trace{}, fmt.Errorf("trace the parts of %s: together they have another result", whole)
	}
	return t, nil
}

func traceParts(op Op, parts []Expr, fields mapping.Fields, d Document) (Trace, error) {
	t := Trace{Text: string(op), Op: op, Holds: op != OpOr}
	for _, p := range parts {
		part, err := NewTrace(p, fields, d)
		if err != nil {
			return Trace{}, err
		}
		t.Parts = append(t.Parts, part)
		switch op {
		case OpAnd:
			t.Holds = t.Holds && part.Holds
		case OpOr:
			t.Holds = t.Holds || part.Holds
		case OpNot:
			t.Holds = !part.Holds
		}
	}
	return t, nil
}
