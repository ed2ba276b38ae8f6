package alert_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
	"tocsin/internal/rule"
)

// graded returns a rule whose alerts take severity and score from their events.
func graded() *rule.Rule {
	r := aRule()
	r.RuleNameOverride = "message"
	r.SeverityMapping = []rule.SeverityMapping{
		{Field: "event.severity", Operator: "equals", Value: "99", Severity: rule.Critical},
		{Field: "event.severity", Operator: "equals", Value: "21", Severity: rule.Low},
		{Field: "vendor.level", Operator: "equals", Value: "true", Severity: rule.Medium},
		{Field: "vendor.level", Operator: "equals", Value: "", Severity: rule.Critical},
	}
	r.RiskScoreMapping = []rule.RiskScoreMapping{
		{Field: "vendor.kind", Value: "worm", RiskScore: 88},
		{Field: "vendor.kind", Value: "7"},
		{Field: "event.risk_score"},
		{Field: "vendor.score"},
	}
	return r
}

func TestOverrides(t *testing.T) {
	type verdict struct {
		name, severity string
		score          any
	}
	same := verdict{"Thing", "high", 73.0}
	with := func(change func(*verdict)) verdict {
		v := same
		change(&v)
		return v
	}
	severity := func(s string) verdict { return with(func(v *verdict) { v.severity = s }) }
	score := func(n float64) verdict { return with(func(v *verdict) { v.score = n }) }
	name := func(n string) verdict { return with(func(v *verdict) { v.name = n }) }
	tests := []struct {
		name, source string
		want         verdict
	}{
		{"nothing to say", `{}`, same},
		{"severity, a number", `{"event":{"severity":21}}`, severity("low")},
		{"severity, a text, dotted", `{"event.severity":"99"}`, severity("critical")},
		{"severity, a whole number with a fraction", `{"event":{"severity":21.0}}`, severity("low")},
		{"severity, another number", `{"event":{"severity":21.5}}`, same},
		{"severity, the gravest of a list", `{"event":{"severity":[21,99,1]}}`, severity("critical")},
		{"severity, the gravest of two fields", `{"event":{"severity":21},"vendor":{"level":true}}`, severity("medium")},
		{"severity, lower than the rule's", `{"vendor.level":"true"}`, severity("medium")},
		{"severity, an empty text is a value", `{"vendor":{"level":""}}`, severity("critical")},
		{"severity, another case", `{"vendor":{"level":"True"}}`, same},
		{"severity, null and an object", `{"event":{"severity":null},"vendor":{"level":{"x":"true"}}}`, same},
		{"score", `{"event":{"risk_score":12}}`, score(12)},
		{"score, zero", `{"event":{"risk_score":0}}`, score(0)},
		{"score, a text with a fraction", `{"event.risk_score":" 99.5 "}`, score(99.5)},
		{"score, the greatest of a list", `{"event":{"risk_score":[3,"47",21]}}`, score(47)},
		{"score, what is no score is left out", `{"event":{"risk_score":[300,-1,"high",true,null,"0x10",12]}}`, score(12)},
		{"score, none of it is", `{"event":{"risk_score":[101,"","NaN","Inf"]}}`, same},
		{"score, the next entry", `{"event":{"risk_score":101},"vendor":{"score":5}}`, score(5)},
		{"score, of a value", `{"vendor":{"kind":["dust","worm"]},"event":{"risk_score":5}}`, score(88)},
		{"score, of a value without one", `{"vendor":{"kind":7},"event":{"risk_score":5}}`, score(7)},
		{"name", `{"message":"Other"}`, name("Other")},
		{"name, the first of a list", `{"message":[null,"First","Second"]}`, name("First")},
		{"name, a number", `{"message":42}`, name("42")},
		{"name, an empty text", `{"message":""}`, same},
		{"name, an object", `{"message":{"text":"x"}}`, same},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := build(t, graded(), anEvent(test.source))
			have := verdict{got["kibana.alert.rule.name"].(string), got["kibana.alert.severity"].(string), got["kibana.alert.risk_score"]}
			if diff := cmp.Diff(test.want, have, cmp.AllowUnexported(verdict{})); diff != "" {
				t.Error(diff)
			}
			reason := "event created " + test.want.severity + " alert " + test.want.name + "."
			if diff := cmp.Diff(reason, got["kibana.alert.reason"]); diff != "" {
				t.Error(diff)
			}
			// The rule's own values are kept beside it.
			parameters := got["kibana.alert.rule.parameters"].(object)
			if parameters["name"] != "Thing" || parameters["severity"] != "high" || parameters["risk_score"] != 73.0 ||
				got["kibana.alert.rule.severity"] != "high" || got["kibana.alert.rule.risk_score"] != 73.0 {
				t.Errorf("the rule's own: %v", parameters)
			}
		})
	}
}

// TestOverridesOfWhatIsNoEvent: a finding of many events has the fields that they share, and these
// count; a sequence has the rule's own verdict, including in its blocks.
func TestOverridesOfWhatIsNoEvent(t *testing.T) {
	b := alert.NewBuilder(graded(), alert.Options{}, alert.Indices{})
	shared := event.Event{Source: []byte(`{"event":{"severity":99}}`)}
	doc, err := b.Build(alert.Finding{Event: shared, Key: []string{"threshold", "x"}, Parents: []event.Event{anEvent(`{"event":{"severity":21}}`)}}, aRun())
	if err != nil || doc.Source["kibana.alert.severity"] != "critical" {
		t.Errorf("severity %v, %v", doc.Source["kibana.alert.severity"], err)
	}
	docs, err := b.BuildGroup(alert.Group{Events: []event.Event{
		in("logs-a", "1"), {Index: "logs-a", ID: "2", Source: []byte(`{"event":{"severity":99,"risk_score":5},"message":"Other"}`)},
	}}, aRun())
	if err != nil || len(docs) != 3 {
		t.Fatal(len(docs), err)
	}
	for i, d := range docs {
		if d.Source["kibana.alert.severity"] != "high" || d.Source["kibana.alert.rule.name"] != "Thing" || d.Source["kibana.alert.risk_score"] != 73 {
			t.Errorf("document %d: %v", i, d.Source)
		}
	}
}

// TestRuleInAlert pins the parts of a rule in its alerts that TestDocument does not have.
func TestRuleInAlert(t *testing.T) {
	r := parseRule(t, `
[rule]
description = "d"
index = ["logs-*"]
language = "kuery"
name = "Thing"
note = """Ask $investigate_0, ${osquery_1} for $$5.
Not $osquery_2, $investigate_01x or $other."""
query = "a: b"
risk_score = 1
rule_id = "r"
setup = "Install it."
severity = "low"
threshold = { field = ["host.name"], value = 3, cardinality = [{ field = "user.name", value = 2 }] }
timestamp_override = "event.ingested"
timestamp_override_fallback_disabled = true
type = "threshold"
rule_name_override = "message"
alert_suppression = { duration = { value = 90, unit = "m" } }
investigation_fields = { field_names = ["host.name", "user.name"] }
risk_score_mapping = [{ field = "x", operator = "equals", value = "" }]
severity_mapping = [{ field = "y", operator = "equals", value = "1", severity = "high" }]

[transform]
[[transform.investigate]]
label = "Who <else>"
providers = [[{ excluded = false, field = "host.name", queryType = "phrase", value = "{{host.name}}", valueType = "string" }]]
relativeFrom = "now-48h"
[[transform.osquery]]
label = "A"
query = "SELECT 1"
[[transform.osquery]]
label = "B"
query = "SELECT 2"
ecs_mapping = { "host.name" = { field = "name" } }
`)
	got := build(t, r, anEvent(`{}`))
	note := `Ask !{investigate{"label":"Who <else>","providers":[[{"excluded":false,"field":"host.name","queryType":"phrase",` +
		`"value":"{{host.name}}","valueType":"string"}]],"relativeFrom":"now-48h"}}, ` +
		`!{osquery{"ecs_mapping":{"host.name":{"field":"name"}},"label":"B","query":"SELECT 2"}} for $5.` + "\n" +
		`Not $osquery_2, $investigate_01x or $other.`
	wants := object{
		"kibana.alert.rule.note":                      note,
		"kibana.alert.rule.rule_name_override":        "message",
		"kibana.alert.rule.custom_highlighted_fields": []any{"host.name", "user.name"},
		"kibana.alert.rule.risk_score_mapping":        []any{object{"field": "x", "operator": "equals", "value": ""}},
		"kibana.alert.rule.severity_mapping":          []any{object{"field": "y", "operator": "equals", "value": "1", "severity": "high"}},
	}
	for name, want := range wants {
		if diff := cmp.Diff(want, got[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	parameters := object{
		"note": note, "setup": "Install it.", "rule_name_override": "message", "timestamp_override_fallback_disabled": true,
		"alert_suppression":    object{"duration": object{"value": 90.0, "unit": "m"}},
		"investigation_fields": object{"field_names": []any{"host.name", "user.name"}},
		"threshold":            object{"field": []any{"host.name"}, "value": 3.0, "cardinality": []any{object{"field": "user.name", "value": 2.0}}},
		"risk_score_mapping":   wants["kibana.alert.rule.risk_score_mapping"],
		"severity_mapping":     wants["kibana.alert.rule.severity_mapping"],
		"query":                "a: b", "index": []any{"logs-*"}, "language": "kuery",
	}
	for name, want := range parameters {
		if diff := cmp.Diff(want, got["kibana.alert.rule.parameters"].(object)[name]); diff != "" {
			t.Errorf("parameters.%s: %s", name, diff)
		}
	}
}

func TestNoteWithoutTransform(t *testing.T) {
	r := aRule()
	r.Note = "For $$5 see $osquery_0."
	if got := build(t, r, anEvent(`{}`))["kibana.alert.rule.note"]; got != r.Note {
		t.Errorf("got %q", got)
	}
}

// TestDeepFilters: a filter that is too deep for the parameters' field is left out of them, and the
// alert is written.
func TestDeepFilters(t *testing.T) {
	for depth, want := range map[int]bool{3: true, 30: false} {
		filter := map[string]any{"term": "x"}
		for range depth {
			filter = map[string]any{"bool": map[string]any{"must": []any{filter}}}
		}
		r := aRule()
		r.Filters = []map[string]any{filter}
		if _, there := build(t, r, anEvent(`{}`))["kibana.alert.rule.parameters"].(object)["filters"]; there != want {
			t.Errorf("%d deep: there %t", depth, there)
		}
	}
}
