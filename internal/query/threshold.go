package query

import (
	"tocsin/internal/diag"
	"tocsin/internal/rule"
)

func planThreshold(r *rule.Rule) (Plan, diag.List) { return nil, unsupportedType(r) }
