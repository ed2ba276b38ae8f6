package translate

import (
	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/translate/kql"
)

// kqlQuery is a parsed KQL query with its source text. It yields events, and has no pipes.
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

// Lower reports an unmapped field as a warning, even where EQL reports an error: Elasticsearch
// accepts it. A rule's nested group that is mapped in some indices only is searched for in those.
func (q kqlQuery) Lower(fields mapping.Fields) (condition.Expr, diag.List) {
	return kql.Lower(q.Query, q.text, kql.Options{Fields: fields, IgnoreUnmapped: !q.options.Strict})
}

// LowerSteps returns nil: KQL has no sequences.
func (kqlQuery) LowerSteps(mapping.Fields) (*Steps, diag.List) { return nil, nil }
