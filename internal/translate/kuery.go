package translate

import (
	"tocsin/internal/condition"
	"tocsin/internal/diag"
	"tocsin/internal/mapping"
	"tocsin/internal/translate/kql"
)

// kqlQuery is a parsed KQL query with what it was parsed from. It yields events, and has no pipes.
type kqlQuery struct {
	*kql.Query
	text    diag.Text
	options Options
}

func parseKQL(text diag.Text, o Options) (Query, diag.List) {
	q, diags := kql.Parse(text)
	if q == nil {
		return nil, diags
	}
	return kqlQuery{q, text, o}, diags
}

func (kqlQuery) Shape() Shape { return Events }

func (kqlQuery) Limits() []Limit { return nil }

// Lower leaves a field that is not mapped a warning, also where EQL does not: to Elasticsearch it is
// none. A rule's nested group that is mapped in some indices only is looked for in those.
func (q kqlQuery) Lower(fields mapping.Fields) (condition.Expr, diag.List) {
	return kql.Lower(q.Query, q.text, kql.Options{Fields: fields, IgnoreUnmapped: !q.options.Strict})
}

// LowerSteps has nothing to lower: KQL has no sequences.
func (kqlQuery) LowerSteps(mapping.Fields) (*Steps, diag.List) { return nil, nil }
