package condition

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Raw is a clause of Query DSL that no other leaf says: Elasticsearch is given it as it is, and only
// a search can match it. It names no field, so nothing is known of those that it tests. Equal
// clauses are equal values. The zero Raw is true of nothing.
type Raw struct{ text string }

// NewRaw keeps a clause. The error says why it is no JSON.
func NewRaw(clause Query) (Raw, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(clause); err != nil { // Keys are written in order.
		return Raw{}, fmt.Errorf("write a clause of Query DSL: %w", err)
	}
	return Raw{string(bytes.TrimRight(b.Bytes(), "\n"))}, nil
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
