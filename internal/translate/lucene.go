package translate

import (
	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/translate/lucene"
)

// luceneQuery is a parsed Lucene query with its source text. It yields events, and has no pipes.
type luceneQuery struct {
	*lucene.Query
	text diag.Text
}

func parseLucene(text diag.Text, _ Options) (Query, diag.List) {
	q, diags := lucene.Parse(text)
	if q == nil {
		return nil, diags
	}
	return luceneQuery{q, text}, diags
}

func (luceneQuery) Shape() Shape { return Events }

func (luceneQuery) Limits() []Limit { return nil }

// Lower reports an unmapped field as a warning, even where EQL reports an error: Elasticsearch
// accepts it.
func (q luceneQuery) Lower(fields mapping.Fields) (condition.Expr, diag.List) {
	return lucene.Lower(q.Query, q.text, lucene.Options{Fields: fields})
}

// LowerSteps returns nil: Lucene has no sequences.
func (luceneQuery) LowerSteps(mapping.Fields) (*Steps, diag.List) { return nil, nil }
