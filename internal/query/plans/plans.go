package plans

import (
	"fmt"

	"tocsin/internal/diag"
	"tocsin/internal/query"
	"tocsin/internal/query/anomaly"
	"tocsin/internal/query/counting"
	"tocsin/internal/query/esqlrule"
	"tocsin/internal/query/threatmatch"
	"tocsin/internal/rule"
	"tocsin/internal/search/indexname"
)

// planners has one line per rule type.
var planners = map[rule.Type]func(*rule.Rule) (query.Plan, diag.List){
	rule.TypeEQL:             planEQL,
	rule.TypeESQL:            esqlrule.New,
	rule.TypeMachineLearning: anomaly.New,
	rule.TypeNewTerms:        counting.NewTerms,
	rule.TypeQuery:           planQuery,
	rule.TypeSavedQuery:      planQuery,
	rule.TypeThreatMatch:     threatmatch.New,
	rule.TypeThreshold:       counting.Threshold,
}

// For plans a rule. The plan is nil when a diagnostic is an error.
func For(r *rule.Rule) (query.Plan, diag.List) {
	plan := planners[r.Type]
	if plan == nil {
		return nil, unsupportedType(r)
	}
	if diags := append(unresolved(r), checkNames(r)...); len(diags) > 0 {
		return nil, diags
	}
	return plan(r)
}

// unresolved reports an unknown data view: without it, the indices of the rule are unknown.
func unresolved(r *rule.Rule) diag.List {
	if r.DataViewID == "" || len(r.Index) > 0 || r.Type == rule.TypeESQL || r.Type == rule.TypeMachineLearning {
		return nil
	}
	return diag.List{r.Report(diag.Error, query.CodeUnsupported, "rule.data_view_id",
		"data view %s is not known: load an export that has it, or say which indices it means with --data-view", r.DataViewID)}
}

func unsupportedType(r *rule.Rule) diag.List {
	return diag.List{r.Report(diag.Error, query.CodeUnsupported, "rule.type", "rules of type %q are not supported yet", r.Type)}
}

// checkNames reports index names that Elasticsearch would reject, and date math that cannot be resolved.
func checkNames(r *rule.Rule) diag.List {
	var diags diag.List
	check := func(key string, patterns []string) {
		for i, p := range patterns {
			if err := indexname.Check(p); err != nil {
				diags = append(diags, r.Report(diag.Error, query.CodeIndexName, fmt.Sprintf("%s[%d]", key, i), "%v", err))
			}
		}
	}
	if r.Type != rule.TypeESQL { // whose query names them
		check("rule.index", r.Index)
	}
	if r.ThreatMatch != nil {
		check("rule.threat_index", r.ThreatMatch.Index)
	}
	return diags
}
