package condition

import (
	"bytes"
	"encoding/json"
	"fmt"

	"tocsin/internal/mapping"
)

// Raw is a clause of Query DSL that no other leaf says: Elasticsearch is given it as it is, and only
// a search can match it, unless it has a reading. Nothing is known of the fields that it tests besides.
// Equal clauses without a reading are equal values. The zero Raw is true of nothing.
type Raw struct {
	text    string
	reading *reading
}

// reading is what a clause means to the documents of indices that map fields alike.
type reading struct {
	names []string
	of    func(mapping.Fields) (Expr, bool)
}

// Reading returns the clause with the condition that it is where indices map its fields alike: what names
// the fields, and of returns the condition under a mapping, false where it is none.
func (r Raw) Reading(names []string, of func(mapping.Fields) (Expr, bool)) Raw {
	r.reading = &reading{names, of}
	return r
}

// Read returns the names and the func of [Raw.Reading]; nil without one.
func (r Raw) Read() (names []string, of func(mapping.Fields) (Expr, bool)) {
	if r.reading == nil {
		return nil, nil
	}
	return r.reading.names, r.reading.of
}

// NewRaw keeps a clause. The error says why it is no JSON.
func NewRaw(clause Query) (Raw, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(clause); err != nil { // Keys are written in order.
		return Raw{}, fmt.Errorf("write a clause of Query DSL: %w", err)
	}
	return Raw{text: string(bytes.TrimRight(b.Bytes(), "\n"))}, nil
}

func (Raw) expr() {}

func (r Raw) String() string {
	if r.text == "" {
		return "(raw)"
	}
	return "(raw " + r.text + ")"
}

// Clause is the clause again, its numbers as they were written.
func (r Raw) Clause() Query {
	dec := json.NewDecoder(bytes.NewReader([]byte(r.text)))
	dec.UseNumber()
	var q Query
	if err := dec.Decode(&q); err != nil {
		return DSL(Const(false)) // Only the zero Raw is no JSON.
	}
	return q
}
