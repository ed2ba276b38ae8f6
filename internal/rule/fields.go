package rule

import (
	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
)

// documentFields lists the keys of the whole file.
var documentFields = tomltree.Fields[Rule]{
	"metadata":  tomltree.Sub(metadataFields, func(r *Rule) *Metadata { return &r.Metadata }),
	"rule":      tomltree.Sub(ruleFields, func(r *Rule) *Rule { return r }),
	"transform": tomltree.Sub(transformFields, func(r *Rule) *Transform { return &r.Transform }),
}

var ruleFields = tomltree.Fields[Rule]{
	"rule_id":     tomltree.Scalar(func(r *Rule) *string { return &r.ID }),
	"name":        tomltree.Scalar(func(r *Rule) *string { return &r.Name }),
	"description": tomltree.Scalar(func(r *Rule) *string { return &r.Description }),
	"type":        tomltree.Scalar(func(r *Rule) *Type { return &r.Type }),
	"enabled":     tomltree.Flag(func(r *Rule) *bool { return made(&r.Enabled) }),

	"language":                tomltree.Scalar(func(r *Rule) *Language { return &r.Language }),
	"query":                   tomltree.Source(func(r *Rule) *diag.Text { return &r.Query }),
	"saved_id":                tomltree.Scalar(func(r *Rule) *string { return &r.SavedID }),
	"index":                   tomltree.List(func(r *Rule) *[]string { return &r.Index }),
	"data_view_id":            tomltree.Scalar(func(r *Rule) *string { return &r.DataViewID }),
	"filters":                 tomltree.FreeList(func(r *Rule) *[]map[string]any { return &r.Filters }),
	"event_category_override": tomltree.Scalar(func(r *Rule) *string { return &r.EventCategoryOverride }),
	"tiebreaker_field":        tomltree.Scalar(func(r *Rule) *string { return &r.TiebreakerField }),
	"timestamp_field":         tomltree.Scalar(func(r *Rule) *string { return &r.TimestampField }),
	"timestamp_override":      tomltree.Scalar(func(r *Rule) *string { return &r.TimestampOverride }),
	"timestamp_override_fallback_disabled": tomltree.Flag(func(r *Rule) *bool {
		return &r.TimestampOverrideFallbackDisabled
	}),

	"interval":       interval,
	"cron":           cronExpression,
	"cron_time_zone": cronTimeZone,
	"from":           moment(func(r *Rule) *Moment { return &r.From }),
	"to":             moment(func(r *Rule) *Moment { return &r.To }),
	"max_signals":    tomltree.Number(func(r *Rule) *int { return &r.MaxSignals }),
	"throttle":       tomltree.Scalar(func(r *Rule) *string { return &r.Throttle }),

	"threshold": tomltree.Sub(thresholdFields, func(r *Rule) *Threshold { return made(&r.Threshold) }),

	"new_terms": tomltree.Sub(newTermsFields, newTerms),
	// The same, as spelled in Kibana's API.
	"new_terms_fields":     tomltree.List(func(r *Rule) *[]string { return &newTerms(r).Fields }),
	"history_window_start": moment(func(r *Rule) *Moment { return &newTerms(r).HistoryWindowStart }),

	"threat_index":          tomltree.List(func(r *Rule) *[]string { return &threatMatch(r).Index }),
	"threat_query":          tomltree.Source(func(r *Rule) *diag.Text { return &threatMatch(r).Query }),
	"threat_language":       tomltree.Scalar(func(r *Rule) *Language { return &threatMatch(r).Language }),
	"threat_filters":        tomltree.FreeList(func(r *Rule) *[]map[string]any { return &threatMatch(r).Filters }),
	"threat_indicator_path": tomltree.Scalar(func(r *Rule) *string { return &threatMatch(r).IndicatorPath }),
	"threat_mapping":        tomltree.Each(threatMappingFields, threatMappings),
	"threat_mappings":       tomltree.Each(threatMappingFields, threatMappings),
	"concurrent_searches":   tomltree.Number(func(r *Rule) *int { return &threatMatch(r).ConcurrentSearches }),
	"items_per_search":      tomltree.Number(func(r *Rule) *int { return &threatMatch(r).ItemsPerSearch }),

	"machine_learning_job_id": tomltree.OneOrList(func(r *Rule) *[]string { return &machineLearning(r).JobIDs }),
	"anomaly_threshold":       tomltree.Number(func(r *Rule) *int { return &machineLearning(r).AnomalyThreshold }),

	"severity":             tomltree.Scalar(func(r *Rule) *Severity { return &r.Severity }),
	"severity_mapping":     tomltree.Each(severityMappingFields, func(r *Rule) *[]SeverityMapping { return &r.SeverityMapping }),
	"risk_score":           tomltree.Number(func(r *Rule) *int { return &r.RiskScore }),
	"risk_score_mapping":   tomltree.Each(riskScoreMappingFields, func(r *Rule) *[]RiskScoreMapping { return &r.RiskScoreMapping }),
	"rule_name_override":   tomltree.Scalar(func(r *Rule) *string { return &r.RuleNameOverride }),
	"building_block_type":  tomltree.Scalar(func(r *Rule) *string { return &r.BuildingBlockType }),
	"alert_suppression":    tomltree.Sub(suppressionFields, func(r *Rule) *AlertSuppression { return made(&r.AlertSuppression) }),
	"threat":               tomltree.Each(threatFields, func(r *Rule) *[]Threat { return &r.Threat }),
	"tags":                 tomltree.List(func(r *Rule) *[]string { return &r.Tags }),
	"author":               tomltree.List(func(r *Rule) *[]string { return &r.Author }),
	"license":              tomltree.Scalar(func(r *Rule) *string { return &r.License }),
	"note":                 tomltree.Scalar(func(r *Rule) *string { return &r.Note }),
	"setup":                tomltree.Scalar(func(r *Rule) *string { return &r.Setup }),
	"references":           tomltree.List(func(r *Rule) *[]string { return &r.References }),
	"false_positives":      tomltree.List(func(r *Rule) *[]string { return &r.FalsePositives }),
	"investigation_fields": tomltree.Sub(investigationFields, func(r *Rule) *Rule { return r }),
	"timeline_id":          tomltree.Scalar(func(r *Rule) *string { return &r.TimelineID }),
	"timeline_title":       tomltree.Scalar(func(r *Rule) *string { return &r.TimelineTitle }),

	"exceptions_list":      tomltree.Each(exceptionFields, func(r *Rule) *[]Exception { return &r.ExceptionsList }),
	"actions":              tomltree.FreeList(func(r *Rule) *[]map[string]any { return &r.Actions }),
	"response_actions":     tomltree.FreeList(func(r *Rule) *[]map[string]any { return &r.ResponseActions }),
	"meta":                 tomltree.Free(func(r *Rule) *map[string]any { return &r.Meta }),
	"related_integrations": tomltree.Each(relatedFields, func(r *Rule) *[]RelatedIntegration { return &r.RelatedIntegrations }),
	"required_fields":      tomltree.Each(requiredFields, func(r *Rule) *[]RequiredField { return &r.RequiredFields }),
	"output_index":         tomltree.Scalar(func(r *Rule) *string { return &r.OutputIndex }),
	"version":              tomltree.Number(func(r *Rule) *int { return &r.Version }),
	"revision":             tomltree.Number(func(r *Rule) *int { return &r.Revision }),
}

// made returns the target of a pointer of a rule, and creates it at the first mention.
func made[T any](p **T) *T {
	if *p == nil {
		*p = new(T)
	}
	return *p
}

func newTerms(r *Rule) *NewTerms               { return made(&r.NewTerms) }
func threatMatch(r *Rule) *ThreatMatch         { return made(&r.ThreatMatch) }
func threatMappings(r *Rule) *[]ThreatMapping  { return &threatMatch(r).Mapping }
func machineLearning(r *Rule) *MachineLearning { return made(&r.MachineLearning) }
