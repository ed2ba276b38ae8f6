package sigma

import (
	"tocsin/internal/diag"
	"tocsin/internal/diag/yamltree"
)

// Correlation counts or orders what other rules find.
type Correlation struct {
	Head
	Type string
	// Rules are ids and names of the rules that it is about.
	Rules    []string
	GroupBy  []string
	Timespan string
	Generate bool
	Diags    diag.List
}

var correlationTypes = []string{
	"event_count", "value_count", "temporal", "temporal_ordered", "value_sum", "value_avg", "value_percentile", "value_median",
}

// readCorrelation reads a correlation as far as it is known without the rules that it is about.
func readCorrelation(o *object) *Correlation {
	c := &Correlation{Head: readHead(o)}
	n := o.get("correlation")
	if n == nil || n.Kind != yamltree.Map {
		o.fail(o.key("correlation"), CodeSyntax, "correlation is not a map")
		return c
	}
	s := newObject(o.file, n, "correlation", o.diags)
	if c.Type = s.word("type", correlationTypes...); c.Type == "" {
		o.fail(n, CodeMissing, "the correlation has no type")
	}
	if c.Rules = s.texts("rules"); len(c.Rules) == 0 {
		o.fail(n, CodeMissing, "the correlation has no rules")
	}
	c.GroupBy, c.Timespan, c.Generate = s.texts("group-by"), s.text("timespan"), s.text("generate") == "true"
	if c.Timespan == "" {
		o.fail(n, CodeMissing, "the correlation has no timespan")
	}
	c.Custom = o.custom()
	o.report(n, diag.Warning, CodeNotRun, "correlations are read and not run yet: the rules that it is about alert by themselves")
	return c
}
