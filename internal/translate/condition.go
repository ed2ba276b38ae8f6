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
}

// Of is a query of a condition.
func Of(c Condition) Query { return conditionQuery{c} }

type conditionQuery struct{ Condition }

func (conditionQuery) Shape() Shape { return Events }

func (conditionQuery) Limits() []Limit { return nil }

// LowerSteps returns nil: there are none.
func (conditionQuery) LowerSteps(mapping.Fields) (*Steps, diag.List) { return nil, nil }
