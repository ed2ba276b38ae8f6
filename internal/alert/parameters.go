package alert

import (
	"strings"
	"time"

	"tocsin/internal/rule"
)

// parameters returns the rule as Kibana's flyout reads it, in snake case: the rule's own values,
// without overrides by the event.
func parameters(r *rule.Rule) map[string]any {
	p := map[string]any{
		"rule_id": r.ID, "name": r.Name, "description": r.Description, "type": string(r.Type),
		"severity": string(r.Severity), "risk_score": r.RiskScore, "from": r.From.Text, "to": r.To.Text,
		"max_signals": r.MaxSignals, "author": list(r.Author), "references": list(r.References),
		"false_positives": list(r.FalsePositives), "threat": threats(r.Threat), "immutable": false,
		"exceptions_list": exceptions(r.ExceptionsList),
	}
	withTexts(p, map[string]string{
		"note": note(r), "setup": r.Setup, "license": r.License, "building_block_type": r.BuildingBlockType,
		"timeline_id": r.TimelineID, "timeline_title": r.TimelineTitle, "rule_name_override": r.RuleNameOverride,
		"timestamp_override": r.TimestampOverride, "language": string(r.Language), "saved_id": r.SavedID,
		"event_category_override": r.EventCategoryOverride, "tiebreaker_field": r.TiebreakerField,
		"timestamp_field": r.TimestampField, "data_view_id": r.DataViewID,
	})
	if r.TimestampOverrideFallbackDisabled {
		p["timestamp_override_fallback_disabled"] = true
	}
	if len(r.InvestigationFields) > 0 {
		p["investigation_fields"] = map[string]any{"field_names": r.InvestigationFields}
	}
	if len(r.SeverityMapping) > 0 {
		p["severity_mapping"] = severityMapping(r)
	}
	if len(r.RiskScoreMapping) > 0 {
		p["risk_score_mapping"] = riskScoreMapping(r)
	}
	if r.AlertSuppression != nil {
		p["alert_suppression"] = suppression(r.AlertSuppression)
	}
	ofType(p, r)
	return p
}

// ofType adds the parameters of the rule's type.
func ofType(p map[string]any, r *rule.Rule) {
	if text := strings.TrimSpace(r.Query.Value); text != "" || r.MachineLearning == nil {
		p["query"] = text
	}
	if len(r.Index) > 0 || r.MachineLearning == nil && r.Type != rule.TypeESQL {
		p["index"] = list(r.Index)
	}
	if len(r.Filters) > 0 && depth(r.Filters) < maxDepth {
		p["filters"] = r.Filters
	}
	if t := r.Threshold; t != nil {
		cardinality := make([]map[string]any, len(t.Cardinality))
		for i, c := range t.Cardinality {
			cardinality[i] = map[string]any{"field": c.Field, "value": c.Value}
		}
		p["threshold"] = map[string]any{"field": list(t.Fields), "value": t.Value, "cardinality": cardinality}
	}
	if n := r.NewTerms; n != nil {
		p["new_terms_fields"], p["history_window_start"] = list(n.Fields), n.HistoryWindowStart.Text
	}
	if m := r.MachineLearning; m != nil {
		p["machine_learning_job_id"], p["anomaly_threshold"] = list(m.JobIDs), m.AnomalyThreshold
	}
	if t := r.ThreatMatch; t != nil {
		threatMatch(p, t)
	}
}

func threatMatch(p map[string]any, t *rule.ThreatMatch) {
	alternatives := make([]map[string]any, len(t.Mapping))
	for i, m := range t.Mapping {
		entries := make([]map[string]any, len(m.Entries))
		for j, e := range m.Entries {
			entries[j] = map[string]any{"field": e.Field, "type": e.Type, "value": e.Value}
			if e.Negate {
				entries[j]["negate"] = true
			}
		}
		alternatives[i] = map[string]any{"entries": entries}
	}
	p["threat_index"], p["threat_query"] = list(t.Index), strings.TrimSpace(t.Query.Value)
	p["threat_mapping"] = alternatives
	withTexts(p, map[string]string{"threat_language": string(t.Language), "threat_indicator_path": t.IndicatorPath})
	if len(t.Filters) > 0 && depth(t.Filters) < maxDepth {
		p["threat_filters"] = t.Filters
	}
}

// depth returns the nesting depth of objects.
func depth(v any) int {
	deepest := 0
	switch v := v.(type) {
	case map[string]any:
		for _, member := range v {
			deepest = max(deepest, depth(member))
		}
		return deepest + 1
	case []any:
		for _, element := range v {
			deepest = max(deepest, depth(element))
		}
	case []map[string]any:
		for _, element := range v {
			deepest = max(deepest, depth(element))
		}
	}
	return deepest
}

func severityMapping(r *rule.Rule) []map[string]any {
	out := make([]map[string]any, len(r.SeverityMapping))
	for i, m := range r.SeverityMapping {
		out[i] = map[string]any{"field": m.Field, "operator": "equals", "value": m.Value, "severity": string(m.Severity)}
	}
	return out
}

func riskScoreMapping(r *rule.Rule) []map[string]any {
	out := make([]map[string]any, len(r.RiskScoreMapping))
	for i, m := range r.RiskScoreMapping {
		out[i] = map[string]any{"field": m.Field, "operator": "equals", "value": m.Value}
		if m.RiskScore > 0 {
			out[i]["risk_score"] = m.RiskScore
		}
	}
	return out
}

func suppression(s *rule.AlertSuppression) map[string]any {
	out := map[string]any{}
	if len(s.GroupBy) > 0 {
		out["group_by"] = s.GroupBy
		out["missing_fields_strategy"] = string(s.Strategy())
	}
	if s.Duration > 0 {
		value, unit := int64(s.Duration/time.Second), "s"
		for _, u := range []struct {
			length time.Duration
			name   string
		}{{time.Hour, "h"}, {time.Minute, "m"}} {
			if s.Duration%u.length == 0 {
				value, unit = int64(s.Duration/u.length), u.name
				break
			}
		}
		out["duration"] = map[string]any{"value": value, "unit": unit}
	}
	return out
}
