package query

import (
	"tocsin/internal/diag"
	"tocsin/internal/rule"
	"tocsin/internal/translate"
)

// planQuery plans a rule of type query, which Kibana calls a custom query: single events.
func planQuery(r *rule.Rule) (Plan, diag.List) {
	if diags := unsupportedQuery(r); len(diags) > 0 {
		return nil, diags
	}
	return planText(r, r.Language, translate.Options{})
}

// unsupportedQuery names what of a query rule cannot run yet: without it the rule would mean
// something else.
func unsupportedQuery(r *rule.Rule) diag.List {
	var diags diag.List
	fail := func(key, format string, args ...any) {
		diags = append(diags, r.Report(diag.Error, CodeUnsupported, key, format, args...))
	}
	if !translate.Supports(r.Language) {
		fail("rule.language", "queries in %s are not supported yet", r.Language)
	}
	if r.Type == rule.TypeSavedQuery && r.Query.Value == "" && len(r.Filters) == 0 {
		fail("rule.saved_id", "saved query %s is not among the loaded files, and the rule has no query of its own", r.SavedID)
	}
	return diags
}
