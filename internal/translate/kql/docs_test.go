package kql_test

import (
	"slices"
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/testkit/conformance"
	"tocsin/internal/translate/kql"
)

func lowered(query string, fields mapping.Fields) (condition.Expr, diag.List) {
	text := diag.NewText("query", query)
	q, diags := kql.Parse(text)
	if q == nil {
		return nil, diags
	}
	return kql.Lower(q, text, kql.Options{Fields: fields})
}

func TestDocsQueries(t *testing.T) {
	p, fields := conformance.ReadLanguage(t, "languages/kuery.md")
	count := p.Queries(t, "kuery", func(query string) diag.List {
		_, diags := lowered(query, fields)
		if diags.HasErrors() { // what else it warns of does not matter then
			return slices.DeleteFunc(diags, func(d diag.Diagnostic) bool { return d.Severity != diag.Error })
		}
		return diags
	})
	if count[""] < 3 || count["error"] < 8 {
		t.Errorf("found %v: are the blocks still marked?", count)
	}
}

// TestDocsConditions holds the column condition against what the others say of it.
func TestDocsConditions(t *testing.T) {
	p, fields := conformance.ReadLanguage(t, "languages/kuery.md")
	rows := p.Conditions(t, "condition", fields, func(query string) (condition.Expr, diag.List) {
		e, diags := lowered(query, fields)
		if len(diags) > 0 {
			return nil, diags
		}
		return e, nil
	}, nil)
	if rows < 30 {
		t.Errorf("found %d conditions", rows)
	}
}
