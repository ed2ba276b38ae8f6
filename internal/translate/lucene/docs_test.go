package lucene_test

import (
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/testkit/conformance"
	"tocsin/internal/translate/lucene"
)

func lowered(query string, fields mapping.Fields) (condition.Expr, diag.List) {
	text := diag.NewText("query", query)
	q, diags := lucene.Parse(text)
	if q == nil {
		return nil, diags
	}
	return lucene.Lower(q, text, lucene.Options{Fields: fields})
}

func TestDocsQueries(t *testing.T) {
	p, fields := conformance.ReadLanguage(t, "languages/lucene.md")
	count := p.Queries(t, "lucene", func(query string) diag.List {
		_, diags := lowered(query, fields)
		return diags
	})
	if count[""] < 1 || count["error"] < 8 || count["warning"] < 4 {
		t.Errorf("found %v: are the blocks still marked?", count)
	}
}

// TestDocsConditions holds the column query against what the others say of it.
func TestDocsConditions(t *testing.T) {
	p, fields := conformance.ReadLanguage(t, "languages/lucene.md")
	rows := p.Conditions(t, "query", fields, func(query string) (condition.Expr, diag.List) { return lowered(query, fields) }, nil)
	if rows < 40 {
		t.Errorf("found %d queries", rows)
	}
}
