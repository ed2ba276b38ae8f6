package alert_test

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
	"tocsin/internal/rule"
)

type object = map[string]any

func attack(id, name, path string) object {
	return object{"id": id, "name": name, "reference": "https://attack.mitre.org/" + path}
}

// wantThreat is the MITRE ATT&CK mapping of ruleFile: both tactics, techniques and sub-techniques
// in the order of the file.
func wantThreat() []any {
	shell := attack("T1059", "Command and Scripting Interpreter", "techniques/T1059/")
	shell["subtechnique"] = []any{
		attack("T1059.004", "Unix Shell", "techniques/T1059/004/"), attack("T1059.001", "PowerShell", "techniques/T1059/001/"),
	}
	task := attack("T1053", "Scheduled Task/Job", "techniques/T1053/")
	task["subtechnique"] = []any{}
	return []any{
		object{"framework": "MITRE ATT&CK", "tactic": attack("TA0002", "Execution", "tactics/TA0002/"), "technique": []any{shell, task}},
		object{"framework": "MITRE ATT&CK", "tactic": attack("TA0007", "Discovery", "tactics/TA0007/"), "technique": []any{}},
	}
}

// TestDocument pins the whole alert: names, JSON types, values.
func TestDocument(t *testing.T) {
	e := anEvent(`{
		"@timestamp": "2026-01-15T15:04:11.5+01:00",
		"ecs": {"version": "8.11.0"},
		"data_stream": {"type": "logs", "dataset": "endpoint.events.process", "namespace": "default"},
		"event": {"kind": "event", "category": ["process", "session"], "type": ["start"], "action": "exec", "sequence": 12345678901234567890},
		"process": {"name": "sh", "args": ["sh", "-c", "id"]},
		"host.name": "pc-7",
		"tags": ["a"]
	}`)
	doc, err := alert.NewBuilder(parseRule(t, ruleFile), alert.Options{}, alert.Indices{}).Build(alert.Finding{Event: e}, aRun())
	if err != nil {
		t.Fatal(err)
	}
	id := alert.EventID(ruleID, event.Key{Series: "logs-a", ID: "1"})
	if doc.ID != id || doc.Index != "" {
		t.Errorf("id %s and index %q, want %s and none", doc.ID, doc.Index, id)
	}
	want := object{
		"@timestamp":                             "2026-01-15T14:10:03.120Z",
		"ecs":                                    object{"version": "8.11.0"},
		"data_stream":                            object{"type": "logs", "dataset": "endpoint.events.process", "namespace": "default"},
		"event":                                  object{"kind": "signal", "category": []any{"process", "session"}, "type": []any{"start"}, "action": "exec", "sequence": 12345678901234567890.0},
		"process":                                object{"name": "sh", "args": []any{"sh", "-c", "id"}},
		"host.name":                              "pc-7",
		"tags":                                   []any{"a"},
		"kibana.space_ids":                       []any{"default"},
		"kibana.alert.uuid":                      id,
		"kibana.alert.instance.id":               id,
		"kibana.alert.status":                    "active",
		"kibana.alert.workflow_status":           "open",
		"kibana.alert.workflow_tags":             []any{},
		"kibana.alert.workflow_assignee_ids":     []any{},
		"kibana.alert.depth":                     1.0,
		"tocsin.source":                          object{"index": []any{"logs-a"}, "content": []any{"826a710985da9ee1fee2b46ace1b30efbafa254b"}},
		"kibana.alert.ancestors":                 []any{object{"id": "1", "index": "logs-a", "type": "event", "depth": 0.0}},
		"kibana.alert.original_time":             "2026-01-15T14:04:11.500Z",
		"kibana.alert.original_event.kind":       "event",
		"kibana.alert.original_event.category":   []any{"process", "session"},
		"kibana.alert.original_event.type":       []any{"start"},
		"kibana.alert.original_event.action":     "exec",
		"kibana.alert.original_event.sequence":   12345678901234567890.0,
		"kibana.alert.reason":                    "process event with process sh on pc-7 created high alert Thing.",
		"kibana.alert.severity":                  "high",
		"kibana.alert.risk_score":                73.0,
		"kibana.alert.building_block_type":       "default",
		"kibana.alert.start":                     "2026-01-15T14:10:03.120Z",
		"kibana.alert.last_detected":             "2026-01-15T14:10:03.120Z",
		"kibana.alert.intended_timestamp":        "2026-01-15T14:10:00.000Z",
		"kibana.alert.rule.uuid":                 alert.RuleUUID(ruleID),
		"kibana.alert.rule.rule_id":              ruleID,
		"kibana.alert.rule.name":                 "Thing",
		"kibana.alert.rule.description":          "Somebody runs a thing.",
		"kibana.alert.rule.type":                 "eql",
		"kibana.alert.rule.rule_type_id":         "siem.eqlRule",
		"kibana.alert.rule.category":             "Event Correlation Rule",
		"kibana.alert.rule.consumer":             "siem",
		"kibana.alert.rule.producer":             "siem",
		"kibana.alert.rule.revision":             0.0,
		"kibana.alert.rule.version":              "7",
		"kibana.alert.rule.enabled":              "true",
		"kibana.alert.rule.immutable":            "false",
		"kibana.alert.rule.interval":             "10m",
		"kibana.alert.rule.from":                 "now-9m",
		"kibana.alert.rule.to":                   "now-1m",
		"kibana.alert.rule.severity":             "high",
		"kibana.alert.rule.risk_score":           73.0,
		"kibana.alert.rule.max_signals":          33.0,
		"kibana.alert.rule.tags":                 []any{"Domain: Endpoint", "OS: Linux"},
		"kibana.alert.rule.author":               []any{"Alice", "Bob"},
		"kibana.alert.rule.references":           []any{"https://example.org/thing"},
		"kibana.alert.rule.false_positives":      []any{"Backups."},
		"kibana.alert.rule.indices":              []any{"logs-*", "auditbeat-*"},
		"kibana.alert.rule.exceptions_list":      []any{object{"id": "e1", "list_id": "endpoint", "type": "endpoint", "namespace_type": "agnostic"}},
		"kibana.alert.rule.threat":               wantThreat(),
		"kibana.alert.rule.created_by":           "tocsin",
		"kibana.alert.rule.updated_by":           "tocsin",
		"kibana.alert.rule.note":                 "Look at it.",
		"kibana.alert.rule.license":              "Elastic License v2",
		"kibana.alert.rule.timeline_id":          "t1",
		"kibana.alert.rule.timeline_title":       "A timeline",
		"kibana.alert.rule.timestamp_override":   "event.ingested",
		"kibana.alert.rule.building_block_type":  "default",
		"kibana.alert.rule.created_at":           "2026-01-02T00:00:00.000Z",
		"kibana.alert.rule.updated_at":           "2026-02-03T00:00:00.000Z",
		"kibana.alert.rule.execution.uuid":       "0f0e0d0c-0b0a-4908-8706-050403020100",
		"kibana.alert.rule.execution.type":       "scheduled",
		"kibana.alert.rule.execution.timestamp":  "2026-01-15T14:10:03.120Z",
		"kibana.alert.original_data_stream.type": "logs", "kibana.alert.original_data_stream.namespace": "default",
		"kibana.alert.original_data_stream.dataset": "endpoint.events.process",
		"kibana.alert.rule.parameters": object{
			"rule_id": ruleID, "name": "Thing", "description": "Somebody runs a thing.", "type": "eql", "language": "eql",
			"query": "any where true", "index": []any{"logs-*", "auditbeat-*"}, "severity": "high", "risk_score": 73.0,
			"from": "now-9m", "to": "now-1m", "max_signals": 33.0, "author": []any{"Alice", "Bob"},
			"references": []any{"https://example.org/thing"}, "false_positives": []any{"Backups."}, "threat": wantThreat(),
			"immutable":       false,
			"exceptions_list": []any{object{"id": "e1", "list_id": "endpoint", "type": "endpoint", "namespace_type": "agnostic"}},
			"note":            "Look at it.", "license": "Elastic License v2", "event_category_override": "event.type",
			"tiebreaker_field": "event.sequence", "timestamp_field": "@timestamp", "timestamp_override": "event.ingested",
			"building_block_type": "default", "timeline_id": "t1", "timeline_title": "A timeline",
		},
	}
	if diff := cmp.Diff(want, roundTrip(t, doc.Source)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// A number may have more digits than a float64: the store must get it as in the event.
	text, err := json.Marshal(doc.Source)
	if err != nil || strings.Count(string(text), `"sequence":12345678901234567890`) != 1 ||
		!strings.Contains(string(text), `"kibana.alert.original_event.sequence":12345678901234567890`) {
		t.Errorf("digits were lost (%v): %s", err, text)
	}
}

func TestRunFields(t *testing.T) {
	run := aRun()
	run.Manual = true
	doc, err := alert.NewBuilder(aRule(), alert.Options{Space: "soc"}, alert.Indices{}).Build(alert.Finding{Event: anEvent(`{}`)}, run)
	if err != nil {
		t.Fatal(err)
	}
	got := roundTrip(t, doc.Source)
	wants := object{
		"kibana.space_ids": []any{"soc"}, "kibana.alert.rule.execution.type": "manual",
		// Keys that the rule does not have are empty lists; single values are left out.
		"kibana.alert.rule.tags": []any{}, "kibana.alert.rule.references": []any{}, "kibana.alert.rule.false_positives": []any{},
		"kibana.alert.rule.threat": []any{}, "kibana.alert.rule.exceptions_list": []any{}, "kibana.alert.rule.indices": []any{},
		"kibana.alert.rule.note": nil, "kibana.alert.building_block_type": nil, "kibana.alert.rule.created_at": nil,
		"kibana.alert.rule.timestamp_override": nil, "kibana.alert.original_time": nil,
	}
	for name, want := range wants {
		value, there := got[name]
		if diff := cmp.Diff(want, value); diff != "" || there != (want != nil) {
			t.Errorf("%s (there: %t, -want +got):\n%s", name, there, diff)
		}
	}
}

func TestBuilderIsReusable(t *testing.T) {
	b := alert.NewBuilder(parseRule(t, ruleFile), alert.Options{}, alert.Indices{})
	first, err := b.Build(alert.Finding{Event: anEvent(`{"event":{"kind":"event","action":"a"}}`)}, aRun())
	if err != nil {
		t.Fatal(err)
	}
	before := roundTrip(t, first.Source)
	second, err := b.Build(alert.Finding{Event: anEvent(`{"event":{"kind":"event"}}`)}, aRun())
	if err != nil {
		t.Fatal(err)
	}
	if _, kept := second.Source["kibana.alert.original_event.action"]; kept {
		t.Error("the second alert has a field of the first event")
	}
	if diff := cmp.Diff(before, roundTrip(t, first.Source)); diff != "" {
		t.Errorf("the first alert changed when the second was built:\n%s", diff)
	}
}

func TestEventIsNotChanged(t *testing.T) {
	source := `{"@timestamp":1768485851000,"event":{"kind":"event","category":["process"]},"event.type":["start"],"kibana":{"x":1},"signal.y":2}`
	e := anEvent(source)
	build(t, aRule(), e)
	if diff := cmp.Diff(source, string(e.Source)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	doc, err := e.Document()
	if err != nil {
		t.Fatal(err)
	}
	if kind := event.First(doc.Source, "event.kind"); kind != "event" {
		t.Errorf("the event's kind is %q", kind)
	}
}

func TestNoObject(t *testing.T) {
	for _, source := range []string{``, `null`, `[]`, `{`, `{} {}`, `"text"`} {
		if _, err := alert.NewBuilder(aRule(), alert.Options{}, alert.Indices{}).Build(alert.Finding{Event: anEvent(source)}, aRun()); err == nil {
			t.Errorf("an alert of %q", source)
		}
	}
}

func TestInterval(t *testing.T) {
	tests := []struct {
		name     string
		interval time.Duration
		cron     string
		want     string
	}{
		{"seconds", 30 * time.Second, "", "30s"},
		{"seconds over a minute", 90 * time.Second, "", "90s"},
		{"minutes", 5 * time.Minute, "", "5m"},
		{"minutes over an hour", 90 * time.Minute, "", "90m"},
		{"hours", time.Hour, "", "1h"},
		{"hours over a day", 36 * time.Hour, "", "36h"},
		{"days", 48 * time.Hour, "", "2d"},
		{"cron", 0, "*/5 * * * *", "*/5 * * * *"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := aRule()
			r.Interval, r.Cron = test.interval, test.cron
			if got := build(t, r, anEvent(`{}`))["kibana.alert.rule.interval"]; got != test.want {
				t.Errorf("got %v, want %s", got, test.want)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	tests := []struct {
		name    string
		version int
		hash    string
		want    string
	}{
		{"its own", 12, "0123456789abcdef", "12"},
		{"of the content", 0, "0123456789abcdef", "0123456789ab"},
		{"of neither", 0, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := aRule()
			r.Version, r.ContentHash = test.version, test.hash
			if got := build(t, r, anEvent(`{}`))["kibana.alert.rule.version"]; got != test.want {
				t.Errorf("got %v, want %q", got, test.want)
			}
		})
	}
	one := parseRule(t, strings.Replace(ruleFile, "version = 7\n", "", 1))
	other := parseRule(t, strings.Replace(strings.Replace(ruleFile, "version = 7\n", "", 1), "any where true", "any where false", 1))
	if a, b := build(t, one, anEvent(`{}`))["kibana.alert.rule.version"], build(t, other, anEvent(`{}`))["kibana.alert.rule.version"]; a == b {
		t.Errorf("two rules have version %v", a)
	}
}

func TestTypeNames(t *testing.T) {
	for typ, want := range map[rule.Type][2]string{
		rule.TypeQuery:           {"siem.queryRule", "Custom Query Rule"},
		rule.TypeSavedQuery:      {"siem.savedQueryRule", "Saved Query Rule"},
		rule.TypeEQL:             {"siem.eqlRule", "Event Correlation Rule"},
		rule.TypeESQL:            {"siem.esqlRule", "ES|QL Rule"},
		rule.TypeThreshold:       {"siem.thresholdRule", "Threshold Rule"},
		rule.TypeNewTerms:        {"siem.newTermsRule", "New Terms Rule"},
		rule.TypeThreatMatch:     {"siem.indicatorRule", "Indicator Match Rule"},
		rule.TypeMachineLearning: {"siem.mlRule", "Machine Learning Rule"},
	} {
		r := aRule()
		r.Type = typ
		got := build(t, r, anEvent(`{}`))
		if got["kibana.alert.rule.rule_type_id"] != want[0] || got["kibana.alert.rule.category"] != want[1] ||
			got["kibana.alert.rule.type"] != string(typ) {
			t.Errorf("%s: %v, %v", typ, got["kibana.alert.rule.rule_type_id"], got["kibana.alert.rule.category"])
		}
	}
}

func TestLineage(t *testing.T) {
	other := alert.RuleUUID("another rule")
	parent := object{"id": "e", "index": "logs-a", "type": "event", "depth": 0.0}
	flat := `{"kibana.alert.uuid":"a","kibana.alert.rule.uuid":"` + other + `","kibana.alert.depth":1,
		"kibana.alert.ancestors":[{"id":"e","index":"logs-a","type":"event","depth":0}]}`
	nested := `{"kibana":{"alert":{"uuid":"a","rule":{"uuid":"` + other + `"},"depth":1,
		"ancestors":[{"id":"e","index":"logs-a","type":"event","depth":0}]}}}`
	deep := `{"kibana.alert.rule.uuid":"` + other + `","kibana.alert.depth":"3","kibana.alert.ancestors":[
		{"id":"e","index":"logs-a","type":"event","depth":0},{"id":"b","index":"alerts","type":"signal","depth":2,"rule":"third"}]}`
	self := object{"id": "1", "index": alertIndex, "type": "signal", "depth": 1.0, "rule": other}
	tests := []struct {
		name   string
		source string
		depth  float64
		want   []any
	}{
		{"document of another kind", `{}`, 1, []any{object{"id": "1", "index": alertIndex, "type": "event", "depth": 0.0}}},
		{"alert, flat", flat, 2, []any{parent, self}},
		{"alert, nested", nested, 2, []any{parent, self}},
		{"alert of alerts", deep, 4, []any{
			parent,
			object{"id": "b", "index": "alerts", "type": "signal", "depth": 2.0, "rule": "third"},
			object{"id": "1", "index": alertIndex, "type": "signal", "depth": 3.0, "rule": other},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := build(t, aRule(), anAlert(test.source))
			if got["kibana.alert.depth"] != test.depth {
				t.Errorf("depth %v, want %v", got["kibana.alert.depth"], test.depth)
			}
			if diff := cmp.Diff(test.want, got["kibana.alert.ancestors"]); diff != "" {
				t.Errorf("ancestors (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOwnAlert(t *testing.T) {
	r := aRule()
	own := alert.RuleUUID(r.ID)
	for name, source := range map[string]string{
		"flat":       `{"kibana.alert.rule.uuid":"` + own + `"}`,
		"nested":     `{"kibana":{"alert":{"rule":{"uuid":"` + own + `"}}}}`,
		"a relation": `{"kibana.alert.rule.uuid":"x","kibana.alert.ancestors":[{"id":"e","rule":"y"},{"id":"f","rule":"` + own + `"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := alert.NewBuilder(r, alert.Options{}, alert.Indices{}).Build(alert.Finding{Event: anAlert(source)}, aRun())
			if !errors.Is(err, alert.ErrOwnAlert) || !strings.Contains(err.Error(), alertIndex+"/1") {
				t.Errorf("error %v", err)
			}
		})
	}
	// The alert itself, as stored, is rejected as well.
	doc, err := alert.NewBuilder(r, alert.Options{}, alert.Indices{}).Build(alert.Finding{Event: anEvent(`{}`)}, aRun())
	if err != nil {
		t.Fatal(err)
	}
	stored, err := json.Marshal(doc.Source)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := alert.NewBuilder(r, alert.Options{}, alert.Indices{}).Build(alert.Finding{Event: anAlert(string(stored))}, aRun()); !errors.Is(err, alert.ErrOwnAlert) {
		t.Errorf("error %v", err)
	}
	another := aRule()
	another.ID = "another rule"
	of, err := alert.NewBuilder(another, alert.Options{}, alert.Indices{}).Build(alert.Finding{Event: anAlert(string(stored))}, aRun())
	if err != nil {
		t.Fatal(err)
	}
	if got := roundTrip(t, of.Source); got["kibana.alert.depth"] != 2.0 || got["kibana.alert.rule.rule_id"] != "another rule" {
		t.Errorf("the alert of an alert has depth %v and rule %v", got["kibana.alert.depth"], got["kibana.alert.rule.rule_id"])
	}
}

// fieldsOf returns the fields that an alert has from its event.
func fieldsOf(got object) object {
	out := maps.Clone(got)
	maps.DeleteFunc(out, func(name string, _ any) bool {
		return name == "@timestamp" || name == "tocsin.source" || strings.HasPrefix(name, "kibana.")
	})
	return out
}
