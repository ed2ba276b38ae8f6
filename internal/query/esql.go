package query

import (
	"tocsin/internal/diag"
	"tocsin/internal/rule"
)

func planESQL(r *rule.Rule) (Plan, diag.List) { return nil, unsupportedType(r) }
