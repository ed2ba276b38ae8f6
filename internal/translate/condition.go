package translate

import (
	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// Condition is a condition on single events that is lowered for a mapping and has no text of a query
// language.
type Condition interface {
	// String tells people what it is, Names are the fields that it uses.
	String() string
	Names() []string
	// Lower returns the condition under a mapping; nil when a diagnostic is an error.
	Lower(fields mapping.Fields) (condition.Expr, diag.List)
	// OfNow reports whether the condition may change with the time, under any mapping.
	OfNow() bool
	// Fitted says of each field where its values are compared under a mapping, and why.
	Fitted(fields mapping.Fields) []string
}

// Fitted says how a query is fitted to a mapping; nil where its language does not leave that open.
func Fitted(q Query, fields mapping.Fields) []string {
	if c, ok := q.(conditionQuery); ok {
		return c.Fitted(fields)
	}
	return nil
}

// Of is a query of a condition.
func Of(c Condition) Query { return conditionQuery{c} }

type conditionQuery struct{ Condition }

func (conditionQuery) Shape() Shape { return Events }

func (conditionQuery) Limits() []Limit { return nil }

// LowerSteps returns nil: there are none.
func (conditionQuery) LowerSteps(mapping.Fields) (*Steps, diag.List) { return nil, nil }
