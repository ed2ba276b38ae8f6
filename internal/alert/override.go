package alert

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/event"
	"tocsin/internal/mapping"
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
func overridden(r *rule.Rule, source map[string]any) verdict {
	v := ruled(r)
	if r.RuleNameOverride != "" {
		if name := event.First(source, r.RuleNameOverride); name != "" {
			v.name = name
		}
	}
	if severity, ok := mappedSeverity(r.SeverityMapping, source); ok {
		v.severity = severity
	}
	if score, ok := mappedScore(r.RiskScoreMapping, source); ok {
		v.score = score
	}
	return v
}

// put writes the verdict to the fields of an alert.
func (v verdict) put(out, source map[string]any) {
	out["kibana.alert.rule.name"] = v.name
	out["kibana.alert.severity"] = string(v.severity)
	out["kibana.alert.risk_score"] = number(v.score)
	out["kibana.alert.reason"] = reason(v, source)
}

// gravity orders severities.
var gravity = []rule.Severity{rule.Low, rule.Medium, rule.High, rule.Critical}

// mappedSeverity is the gravest severity whose entry holds.
func mappedSeverity(entries []rule.SeverityMapping, source map[string]any) (rule.Severity, bool) {
	gravest := -1
	for _, e := range entries {
		if holds(source, e.Field, e.Value) {
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
func mappedScore(entries []rule.RiskScoreMapping, source map[string]any) (float64, bool) {
	for _, e := range entries {
		if e.Value != "" {
			if !holds(source, e.Field, e.Value) {
				continue
			}
			if e.RiskScore > 0 {
				return float64(e.RiskScore), true
			}
		}
		greatest := -1.0
		for _, v := range event.Lookup(source, e.Field) {
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
func holds(source map[string]any, field, value string) bool {
	return slices.ContainsFunc(event.Lookup(source, field), func(v any) bool {
		text, ok := plain(v)
		return ok && text == value
	})
}

// plain is a scalar as text; a whole number looks the same however it is written.
func plain(v any) (string, bool) {
	text, ok := mapping.ScalarText(v)
	n, isNumber := v.(json.Number)
	if !isNumber {
		return text, ok
	}
	if f, err := n.Float64(); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return strconv.FormatInt(int64(f), 10), true
	}
	return text, ok
}

// scoreOf reads a score from a number, or from a text that is one; outside of 0 to 100 it is none.
func scoreOf(v any) (float64, bool) {
	if _, isBool := v.(bool); isBool {
		return 0, false
	}
	text, ok := mapping.ScalarText(v)
	if !ok || strings.ContainsAny(text, "xXpP_") { // which Go reads, and nobody means
		return 0, false
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return n, err == nil && n >= 0 && n <= 100
}

// number is a score as documents have it, a whole one without a fraction.
func number(score float64) any {
	if score == math.Trunc(score) {
		return int(score)
	}
	return score
}
