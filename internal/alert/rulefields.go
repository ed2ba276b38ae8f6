package alert

import (
	"strconv"
	"time"

	"tocsin/internal/rule"
)

// typeNames are Kibana's rule_type_id and category by rule type.
var typeNames = map[rule.Type]struct{ id, category string }{
	rule.TypeQuery:           {"siem.queryRule", "Custom Query Rule"},
	rule.TypeSavedQuery:      {"siem.savedQueryRule", "Saved Query Rule"},
	rule.TypeEQL:             {"siem.eqlRule", "Event Correlation Rule"},
	rule.TypeESQL:            {"siem.esqlRule", "ES|QL Rule"},
	rule.TypeThreshold:       {"siem.thresholdRule", "Threshold Rule"},
	rule.TypeNewTerms:        {"siem.newTermsRule", "New Terms Rule"},
	rule.TypeThreatMatch:     {"siem.indicatorRule", "Indicator Match Rule"},
	rule.TypeMachineLearning: {"siem.mlRule", "Machine Learning Rule"},
	rule.TypeCorrelation:     {"siem.correlationRule", "Correlation Rule"},
}

// ruleFields returns the part of every alert that depends only on the rule, by flat name.
func ruleFields(r *rule.Rule) map[string]any {
	kind := typeNames[r.Type]
	fields := map[string]any{
		"kibana.alert.rule.uuid":            RuleUUID(r.ID),
		"kibana.alert.rule.rule_id":         r.ID,
		"kibana.alert.rule.name":            r.Name,
		"kibana.alert.rule.description":     r.Description,
		"kibana.alert.rule.type":            string(r.Type),
		"kibana.alert.rule.rule_type_id":    kind.id,
		"kibana.alert.rule.category":        kind.category,
		"kibana.alert.rule.consumer":        "siem",
		"kibana.alert.rule.producer":        "siem",
		"kibana.alert.rule.revision":        r.Revision,
		"kibana.alert.rule.version":         version(r),
		"kibana.alert.rule.enabled":         "true",
		"kibana.alert.rule.immutable":       "false",
		"kibana.alert.rule.interval":        schedule(r),
		"kibana.alert.rule.from":            r.From.Text,
		"kibana.alert.rule.to":              r.To.Text,
		"kibana.alert.rule.severity":        string(r.Severity),
		"kibana.alert.rule.risk_score":      r.RiskScore,
		"kibana.alert.rule.max_signals":     r.MaxSignals,
		"kibana.alert.rule.tags":            list(r.Tags),
		"kibana.alert.rule.author":          list(r.Author),
		"kibana.alert.rule.references":      list(r.References),
		"kibana.alert.rule.false_positives": list(r.FalsePositives),
		"kibana.alert.rule.indices":         list(r.Index),
		"kibana.alert.rule.exceptions_list": exceptions(r.ExceptionsList),
		"kibana.alert.rule.threat":          threats(r.Threat),
		"kibana.alert.rule.created_by":      Writer,
		"kibana.alert.rule.updated_by":      Writer,
		"kibana.alert.rule.parameters":      parameters(r),
	}
	for name, value := range map[string]string{
		"kibana.alert.rule.note":                note(r),
		"kibana.alert.rule.license":             r.License,
		"kibana.alert.rule.timeline_id":         r.TimelineID,
		"kibana.alert.rule.timeline_title":      r.TimelineTitle,
		"kibana.alert.rule.timestamp_override":  r.TimestampOverride,
		"kibana.alert.rule.rule_name_override":  r.RuleNameOverride,
		"kibana.alert.rule.building_block_type": r.BuildingBlockType,
		"kibana.alert.building_block_type":      r.BuildingBlockType,
		"kibana.alert.rule.created_at":          date(r.Metadata.CreationDate),
		"kibana.alert.rule.updated_at":          date(r.Metadata.UpdatedDate),
	} {
		if value != "" {
			fields[name] = value
		}
	}
	if len(r.InvestigationFields) > 0 {
		fields["kibana.alert.rule.custom_highlighted_fields"] = r.InvestigationFields
	}
	if len(r.SeverityMapping) > 0 {
		fields["kibana.alert.rule.severity_mapping"] = severityMapping(r)
	}
	if len(r.RiskScoreMapping) > 0 {
		fields["kibana.alert.rule.risk_score_mapping"] = riskScoreMapping(r)
	}
	return fields
}

// Writer stands for the user who created the rule in Kibana, in [WriterField].
const Writer = "tocsin"

// WriterField is the field that distinguishes Tocsin's alerts from those of Kibana's own rules.
const WriterField = "kibana.alert.rule.created_by"

// version returns the rule's version, or the beginning of its content hash if it has none.
func version(r *rule.Rule) string {
	if r.Version > 0 {
		return strconv.Itoa(r.Version)
	}
	return r.ContentHash[:min(12, len(r.ContentHash))]
}

// schedule returns the interval as rules spell it (5m, 1h), or the cron expression.
func schedule(r *rule.Rule) string {
	if r.Cron != "" {
		return r.Cron
	}
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if r.Interval >= unit.length && r.Interval%unit.length == 0 {
			return strconv.FormatInt(int64(r.Interval/unit.length), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(r.Interval/time.Second), 10) + "s"
}

func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return timestamp(t)
}

// timestamp formats a time as Kibana does, to the millisecond in UTC.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// list turns nil into an empty list, as in Kibana.
func list(values []string) []string {
	if values == nil {
		return []string{}
	}
	return values
}

func exceptions(lists []rule.Exception) []map[string]any {
	out := make([]map[string]any, len(lists))
	for i, l := range lists {
		out[i] = map[string]any{"id": l.ID, "list_id": l.ListID, "type": l.Type, "namespace_type": l.NamespaceType}
	}
	return out
}

// threats returns the MITRE ATT&CK mapping with its nesting and order.
func threats(entries []rule.Threat) []map[string]any {
	out := make([]map[string]any, len(entries))
	for i, t := range entries {
		techniques := make([]map[string]any, len(t.Technique))
		for j, technique := range t.Technique {
			subs := make([]map[string]any, len(technique.Subtechnique))
			for k, s := range technique.Subtechnique {
				subs[k] = attack(s.ID, s.Name, s.Reference)
			}
			techniques[j] = attack(technique.ID, technique.Name, technique.Reference)
			techniques[j]["subtechnique"] = subs
		}
		out[i] = map[string]any{
			"framework": t.Framework,
			"tactic":    attack(t.Tactic.ID, t.Tactic.Name, t.Tactic.Reference),
			"technique": techniques,
		}
	}
	return out
}

func attack(id, name, reference string) map[string]any {
	return map[string]any{"id": id, "name": name, "reference": reference}
}
