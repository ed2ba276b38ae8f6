package condition

import "tocsin/internal/match/mapping"

// Trace says for every part of a condition whether it holds for one document, and why.
type Trace struct {
	// Text is the operator of an inner node, or the whole test of a leaf.
	Text string `json:"text"`
	// Holds is the part's answer for the document.
	Holds bool `json:"holds"`
	// Values are the indexed values of a leaf's field.
	Values []string `json:"values,omitempty"`
	Parts  []Trace  `json:"parts,omitempty"`
}

// NewTrace evaluates every part of a condition, including parts that do not affect the result.
func NewTrace(e Expr, fields mapping.Fields, d Document) (Trace, error) {
	switch e := e.(type) {
	case And:
		return traceParts("and", e, e, fields, d)
	case Or:
		return traceParts("or", e, e, fields, d)
	case Not:
		return traceParts("not", e, []Expr{e.X}, fields, d)
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

func traceParts(text string, whole Expr, parts []Expr, fields mapping.Fields, d Document) (Trace, error) {
	m, err := Compile(whole, fields)
	if err != nil {
		return Trace{}, err
	}
	t := Trace{Text: text, Holds: m.Match(d)}
	for _, p := range parts {
		part, err := NewTrace(p, fields, d)
		if err != nil {
			return Trace{}, err
		}
		t.Parts = append(t.Parts, part)
	}
	return t, nil
}
