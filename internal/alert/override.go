package alert

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/rule"
)

// verdict is an alert's severity, risk score and name.
type verdict struct {
	name     string
	severity rule.Severity
	score    float64
	// row: the alert is about a row that a query made of many documents.
	row bool
}

// ruleVerdict returns the rule's own verdict.
func ruleVerdict(r *rule.Rule) verdict {
	return verdict{name: r.Name, severity: r.Severity, score: float64(r.RiskScore)}
}

// overridden returns the rule's verdict on one event: the event's fields take precedence over the
// rule.
func overridden(r *rule.Rule, e *reading) verdict {
	v := ruleVerdict(r)
	if r.RuleNameOverride != "" {
		if name := e.text(r.RuleNameOverride); name != "" {
			v.name = name
		}
	}
	if severity, ok := mappedSeverity(r.SeverityMapping, e); ok {
		v.severity = severity
	}
	if score, ok := mappedScore(r.RiskScoreMapping, e); ok {
		v.score = score
	}
	return v
}

// put writes the verdict to the fields of an alert.
func (v verdict) put(out map[string]any, e *reading) {
	out["kibana.alert.rule.name"] = v.name
	out["kibana.alert.severity"] = string(v.severity)
	out["kibana.alert.risk_score"] = number(v.score)
	out["kibana.alert.reason"] = reason(v, e)
}

// severities orders severities.
var severities = []rule.Severity{rule.Low, rule.Medium, rule.High, rule.Critical}

// mappedSeverity returns the highest severity whose entry matches.
func mappedSeverity(entries []rule.SeverityMapping, event *reading) (rule.Severity, bool) {
	gravest := -1
	for _, e := range entries {
		if holds(event, e.Field, e.Value) {
			gravest = max(gravest, slices.Index(severities, e.Severity))
		}
	}
	if gravest < 0 {
		return "", false
	}
	return severities[gravest], true
}

// mappedScore returns the score of the first entry that has one for the event: its own if it
// requires a value of the field, else the greatest number in the field.
func mappedScore(entries []rule.RiskScoreMapping, event *reading) (float64, bool) {
	for _, e := range entries {
		if e.Value != "" {
			if !holds(event, e.Field, e.Value) {
				continue
			}
			if e.RiskScore > 0 {
				return float64(e.RiskScore), true
			}
		}
		greatest := -1.0
		for _, v := range event.values(e.Field) {
			if n, ok := scoreOf(v); ok {
				greatest = max(greatest, n)
			}
		}
		if greatest >= 0 {
			return greatest, true
		}
	}
	return 0, false
}

// holds reports whether a field has a value.
func holds(e *reading, field, text string) bool {
	return slices.ContainsFunc(e.values(field), func(v value) bool { return v.has(text) })
}

// scoreOf returns a score from a number or a numeric text; false outside of 0 to 100.
func scoreOf(v value) (float64, bool) {
	if _, isBool := v.plain.(bool); isBool || strings.ContainsAny(v.text, "xXpP_") { // accepted only by Go
		return 0, false
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(v.text), 64)
	return n, err == nil && n >= 0 && n <= 100
}

// number returns a score as it is in documents, a whole one without a fraction.
func number(score float64) any {
	if score == math.Trunc(score) {
		return int(score)
	}
	return score
}
