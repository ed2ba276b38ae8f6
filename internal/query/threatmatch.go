package query

import (
	"tocsin/internal/diag"
	"tocsin/internal/rule"
)

func planThreatMatch(r *rule.Rule) (Plan, diag.List) { return nil, unsupportedType(r) }
