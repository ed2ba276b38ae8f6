package alert

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/rule"
)

// verdict is what an alert says of how grave it is, and under which name.
type verdict struct {
	name     string
	severity rule.Severity
	score    float64
}

// ruled is the verdict of the rule itself.
func ruled(r *rule.Rule) verdict {
	return verdict{name: r.Name, severity: r.Severity, score: float64(r.RiskScore)}
}

// overridden is the verdict of the rule about one event: what its fields say goes before what the
// rule says.
func overridden(r *rule.Rule, e *reading) verdict {
	v := ruled(r)
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

// gravity orders severities.
var gravity = []rule.Severity{rule.Low, rule.Medium, rule.High, rule.Critical}

// mappedSeverity is the gravest severity whose entry holds.
func mappedSeverity(entries []rule.SeverityMapping, event *reading) (rule.Severity, bool) {
	gravest := -1
	for _, e := range entries {
		if holds(event, e.Field, e.Value) {
			gravest = max(gravest, slices.Index(gravity, e.Severity))
		}
	}
	if gravest < 0 {
		return "", false
	}
	return gravity[gravest], true
}

// mappedScore is the score of the first entry that has one for the event: its own where it has a
// value that the field must have, else the greatest number in the field.
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

// holds reports whether a field has a value, or a list with it.
func holds(e *reading, field, text string) bool {
	return slices.ContainsFunc(e.values(field), func(v value) bool { return v.has(text) })
}

// scoreOf reads a score from a number, or from a text that is one; outside of 0 to 100 it is none.
func scoreOf(v value) (float64, bool) {
	if _, isBool := v.plain.(bool); isBool || strings.ContainsAny(v.text, "xXpP_") { // which Go reads, and nobody means
		return 0, false
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(v.text), 64)
	return n, err == nil && n >= 0 && n <= 100
}

// number is a score as documents have it, a whole one without a fraction.
func number(score float64) any {
	if score == math.Trunc(score) {
		return int(score)
	}
	return score
}
