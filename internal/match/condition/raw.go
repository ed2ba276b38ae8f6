package condition

import (
	"bytes"
	"encoding/json"
	"fmt"

	"tocsin/internal/match/mapping"
)

// Raw is a clause of Query DSL that no other leaf expresses. Elasticsearch gets it unchanged, and
// only a search can match it, unless it has a reading. The fields that it tests are otherwise
// unknown. Equal clauses without a reading are equal values. The zero Raw is true of nothing.
type Raw struct {
	text    string
	reading *reading
}

// reading is the meaning of a clause for documents of indices with the same mapping.
type reading struct {
	names []string
	of    func(mapping.Fields) (Expr, bool)
}

// Reading returns the clause with its equivalent condition for each mapping: names are the fields
// that it depends on, and of returns the condition under a mapping, false if there is none.
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

// NewRaw makes a Raw of a clause. The error says why it is not JSON.
func NewRaw(clause Query) (Raw, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(clause); err != nil { // Keys are written in sorted order.
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

// Clause returns the clause, its numbers as written.
func (r Raw) Clause() Query {
	dec := json.NewDecoder(bytes.NewReader([]byte(r.text)))
	dec.UseNumber()
	var q Query
	if err := dec.Decode(&q); err != nil {
		return DSL(Const(false)) // Only the zero Raw is not JSON.
	}
	return q
}
