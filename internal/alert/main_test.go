package alert_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
	"tocsin/internal/rule"
)

// ruleFile has every key that affects an alert.
const ruleFile = `
[metadata]
creation_date = "2026/01/02"
updated_date = "2026/02/03"
maturity = "production"

[rule]
author = ["Alice", "Bob"]
building_block_type = "default"
description = "Somebody runs a thing."
enabled = true
event_category_override = "event.type"
exceptions_list = [{ id = "e1", list_id = "endpoint", type = "endpoint", namespace_type = "agnostic" }]
false_positives = ["Backups."]
from = "now-9m"
index = ["logs-*", "auditbeat-*"]
interval = "10m"
language = "eql"
license = "Elastic License v2"
max_signals = 33
name = "Thing"
note = "Look at it."
query = '''
any where true
'''
references = ["https://example.org/thing"]
risk_score = 73
rule_id = "11111111-2222-3333-4444-555555555555"
severity = "high"
tags = ["Domain: Endpoint", "OS: Linux"]
tiebreaker_field = "event.sequence"
timeline_id = "t1"
timeline_title = "A timeline"
timestamp_override = "event.ingested"
to = "now-1m"
type = "eql"
version = 7

[[rule.threat]]
framework = "MITRE ATT&CK"
[rule.threat.tactic]
id = "TA0002"
name = "Execution"
reference = "https://attack.mitre.org/tactics/TA0002/"
[[rule.threat.technique]]
id = "T1059"
name = "Command and Scripting Interpreter"
reference = "https://attack.mitre.org/techniques/T1059/"
[[rule.threat.technique.subtechnique]]
id = "T1059.004"
name = "Unix Shell"
reference = "https://attack.mitre.org/techniques/T1059/004/"
[[rule.threat.technique.subtechnique]]
id = "T1059.001"
name = "PowerShell"
reference = "https://attack.mitre.org/techniques/T1059/001/"
[[rule.threat.technique]]
id = "T1053"
name = "Scheduled Task/Job"
reference = "https://attack.mitre.org/techniques/T1053/"

[[rule.threat]]
framework = "MITRE ATT&CK"
[rule.threat.tactic]
id = "TA0007"
name = "Discovery"
reference = "https://attack.mitre.org/tactics/TA0007/"
`

const ruleID = "11111111-2222-3333-4444-555555555555"

// parseRule parses a valid rule file.
func parseRule(t *testing.T, content string) *rule.Rule {
	t.Helper()
	r, diags := rule.Parse("rule.toml", content)
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	return r
}

// aRule returns a rule that uses nearly only defaults.
func aRule() *rule.Rule {
	return &rule.Rule{
		ID: ruleID, Name: "Thing", Type: rule.TypeEQL, Language: rule.EQL, Severity: rule.High, RiskScore: 73,
		Interval: 5 * time.Minute, MaxSignals: 100, ContentHash: "0123456789abcdef0123456789abcdef",
	}
}

func anEvent(source string) event.Event {
	return event.Event{Index: "logs-a", ID: "1", Source: json.RawMessage(source)}
}

// alertIndex is an index of alerts.
const alertIndex = "tocsin-alerts-default-000001"

// anAlert is a document of an index of alerts.
func anAlert(source string) event.Event {
	return event.Event{Index: alertIndex, ID: "1", Source: json.RawMessage(source)}
}

// aRun returns a run of a slot that makes its alerts a little later, in a zone other than UTC.
func aRun() alert.Run {
	zone := time.FixedZone("", 2*60*60)
	return alert.Run{
		ID:   "0f0e0d0c-0b0a-4908-8706-050403020100",
		Slot: time.Date(2026, 1, 15, 14, 10, 0, 0, time.UTC),
		Time: time.Date(2026, 1, 15, 16, 10, 3, 120_900_000, zone),
	}
}

// build makes the alert of an event and returns its source as decoded from JSON.
func build(t *testing.T, r *rule.Rule, e event.Event) map[string]any {
	t.Helper()
	doc, err := alert.NewBuilder(r, alert.Options{}, alert.Indices{}).Build(alert.Finding{Event: e}, aRun())
	if err != nil {
		t.Fatal(err)
	}
	return roundTrip(t, doc.Source)
}

// roundTrip returns a source as a store returns it.
func roundTrip(t *testing.T, source map[string]any) map[string]any {
	t.Helper()
	data, err := json.Marshal(source)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func sprint(v any) string { return fmt.Sprint(v) }
