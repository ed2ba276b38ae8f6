package eql_test

import (
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
	"tocsin/internal/search"
	"tocsin/internal/translate/eql"
)

// BenchmarkCorpus parses and translates every EQL rule of the public rules, down to the text of the
// request. They are not part of this repository.
func BenchmarkCorpus(b *testing.B) {
	set, _ := rule.Load("../../../../shared/corpus/elastic")
	var texts []diag.Text
	for _, r := range set.Rules() {
		if r.Language == rule.EQL {
			texts = append(texts, r.Query)
		}
	}
	if len(texts) == 0 {
		b.Skip("the corpus is not here")
	}
	fields := mapping.Assumed()
	for b.Loop() {
		for _, text := range texts {
			translate(b, text, fields)
		}
	}
	b.ReportMetric(float64(len(texts)), "rules")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/corpus")
}

// translate does the steps of a rule's plan: parse, lower, push down, write Query DSL.
func translate(b *testing.B, text diag.Text, fields mapping.Fields) {
	b.Helper()
	q, diags := eql.Parse(text)
	if q == nil {
		b.Fatal(diags)
	}
	var conditions []condition.Expr
	if q.Event != nil {
		e, diags := eql.Lower(q, text, eql.Options{Fields: fields})
		if e == nil {
			b.Fatal(diags)
		}
		conditions = append(conditions, e)
	} else {
		steps, diags := eql.LowerSteps(q, text, eql.Options{Fields: fields})
		if steps == nil {
			b.Fatal(diags)
		}
		for _, s := range steps.Terms {
			conditions = append(conditions, s.Where)
		}
	}
	for _, e := range conditions {
		pushed, _ := condition.Pushdown(e, fields)
		if _, err := search.JSON(condition.DSL(pushed), ""); err != nil {
			b.Fatal(err)
		}
	}
}
