package alert_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
)

// schemaField is what Kibana's schema says of a field of an alert.
type schemaField struct {
	name, form string
	required   bool
}

func kibanaSchema(t *testing.T) []schemaField {
	t.Helper()
	data, err := os.ReadFile("testdata/kibana-schema.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var out []schemaField
	for line := range strings.Lines(string(data)) {
		columns := strings.Split(strings.TrimSpace(line), "\t")
		if len(columns) == 3 {
			out = append(out, schemaField{columns[0], columns[1], columns[2] == "required"})
		}
	}
	if len(out) < 100 {
		t.Fatalf("%d fields", len(out))
	}
	return out
}

// inKibana is a builder of alerts for a Kibana.
func inKibana(r *rule.Rule, space string) *alert.Builder {
	return alert.NewBuilder(r, alert.Options{Space: space, Kibana: &alert.Kibana{Version: "8.19.0", URL: "https://kibana.example:5601/"}}, alert.Indices{})
}

// read gives a document the values that it has in JSON.
func read(t *testing.T, d alert.Document) map[string]any {
	t.Helper()
	data, err := json.Marshal(d.Source)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// fits reports whether a value has a form of the schema.
func fits(v any, form string) bool {
	switch form {
	case "date":
		text, ok := v.(string)
		_, err := time.Parse(time.RFC3339, text) // dates of events are as the events have them
		return ok && err == nil
	case "number", "numbers":
		_, ok := v.(float64)
		return ok
	case "string", "strings":
		_, ok := v.(string)
		return ok
	}
	return true
}

// whole is a rule with every part that an alert copies.
const whole = `
[metadata]
creation_date = "2026/01/02"
updated_date = "2026/01/03"
[rule]
rule_id = "11111111-aaaa-4aaa-8aaa-000000000009"
name = "Whole"
description = "All of it."
author = ["a"]
false_positives = ["none"]
references = ["https://example.org"]
tags = ["t"]
type = "eql"
language = "eql"
index = ["logs-*"]
severity = "high"
risk_score = 73
query = "any where true"
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
`

const wholeEvent = `{"@timestamp":"2026-01-15T14:01:00Z","host.os.name":"Ubuntu","agent.id":"a1","agent":{"type":"endpoint"},"labels.a.b":"x",
"event":{"action":"start","category":["process"],"created":"2026-01-15T14:01:01Z","dataset":"d","id":"e","ingested":"2026-01-15T14:01:02Z","kind":"event","module":"m",
"original":"text","outcome":"success","provider":"p","sequence":7,"type":["start"]}}`

// TestKibanaSchema: an alert for Kibana has every field that its schema requires, each of the form that it has there. Fields of the
// event and the techniques of the rule are there if these have them, as in the alerts of Kibana's own rules.
func TestKibanaSchema(t *testing.T) {
	r, diags := rule.Parse("rule.toml", whole)
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(whole, "[rule]")
	short, _, _ := strings.Cut(after, "[[rule.threat]]")
	bare, diags := rule.Parse("rule.toml", "[rule]"+short)
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		rule  *rule.Rule
		event string
		free  []string // of what the event or the rule need not have
	}{
		"all of it": {r, wholeEvent, nil},
		"bare":      {bare, `{"@timestamp":"2026-01-15T14:01:00Z"}`, []string{"kibana.alert.original_event.", "kibana.alert.rule.threat."}},
	} {
		doc, err := inKibana(test.rule, "soc").Build(alert.Finding{Event: event.Event{Index: "logs-a", ID: "1", Source: json.RawMessage(test.event)}}, alert.Run{ID: "x", Time: time.Unix(1, 0)})
		if err != nil {
			t.Fatal(err)
		}
		source := read(t, doc)
		for _, f := range kibanaSchema(t) {
			values := event.Lookup(source, f.name)
			free := false
			for _, prefix := range test.free {
				free = free || strings.HasPrefix(f.name, prefix)
			}
			// An empty list is a list.
			_, has := source[f.name]
			if f.required && f.form != "objects" && len(values) == 0 && !free && (!has || !strings.HasSuffix(f.form, "s")) {
				t.Errorf("%s: %s is missing", name, f.name)
			}
			for _, v := range values {
				if !fits(v, f.form) {
					t.Errorf("%s: %s is %v, not a %s", name, f.name, v, f.form)
				}
			}
		}
		want := map[string]string{
			"ecs.version": "8.11.0", "kibana.version": "8.19.0", "kibana.space_ids": "soc", "kibana.alert.rule.tags": "t", "event.kind": "signal",
			"kibana.alert.url": "https://kibana.example:5601/s/soc/app/security/alerts/redirect/" + doc.ID + "?index=.alerts-security.alerts-soc&timestamp=1970-01-01T00:00:01.000Z",
		}
		for field, value := range want {
			if got := event.First(source, field); got != value {
				t.Errorf("%s: %s is %q, not %q", name, field, got, value)
			}
		}
		if tags := event.Lookup(source, "kibana.alert.rule.tags"); tags[len(tags)-1] != "origin:tocsin" {
			t.Errorf("tags %v", tags)
		}
	}
}

// TestKibanaTypes: an alert of every type has a type of rule that Kibana's app knows.
func TestKibanaTypes(t *testing.T) {
	known := "siem.queryRule siem.savedQueryRule siem.eqlRule siem.esqlRule siem.thresholdRule siem.newTermsRule siem.indicatorRule siem.mlRule"
	for _, typ := range []rule.Type{
		rule.TypeQuery, rule.TypeSavedQuery, rule.TypeEQL, rule.TypeESQL, rule.TypeThreshold, rule.TypeNewTerms, rule.TypeThreatMatch, rule.TypeMachineLearning, rule.TypeCorrelation, rule.TypeSPL,
	} {
		doc, err := inKibana(&rule.Rule{ID: "r", Name: "R", Type: typ}, "").Build(alert.Finding{Event: event.Event{Index: "i", ID: "1", Source: json.RawMessage(`{}`)}}, alert.Run{})
		if err != nil {
			t.Fatal(err)
		}
		if id, _ := doc.Source["kibana.alert.rule.rule_type_id"].(string); id == "" || !strings.Contains(known, id) || doc.Source["kibana.alert.rule.category"] == "" {
			t.Errorf("%s: rule type %q", typ, id)
		}
	}
}

// TestKibanaSameAlert: what alerts are made for changes neither their identity nor any value of their event.
func TestKibanaSameAlert(t *testing.T) {
	names := []string{"agent.id", "agent.type", "host.os.name", "host.name", "labels.a.b", "labels.c", "process.name", "process.env_vars", "x.y.z", "event.category", "event.kind", "message", "threat.enrichments.matched.field"}
	rapid.Check(t, func(rt *rapid.T) {
		source := map[string]any{"@timestamp": "2026-01-15T14:01:00Z"}
		for _, name := range names {
			if rapid.Bool().Draw(rt, name) {
				spell(rt, source, name, rapid.StringMatching("[a-z]{1,4}").Draw(rt, "value"))
			}
		}
		data, _ := json.Marshal(source)
		f := alert.Finding{Event: event.Event{Index: "logs-a", ID: "1", Source: data}}
		r := &rule.Rule{ID: "r", Name: "R", Type: rule.TypeEQL}
		build := func(b *alert.Builder) (alert.Document, map[string]any) {
			d, err := b.Build(f, alert.Run{ID: "x", Time: time.Unix(1, 0)})
			if err != nil {
				rt.Fatal(err)
			}
			return d, read(t, d)
		}
		own, ownSource := build(alert.NewBuilder(r, alert.Options{}, alert.Indices{}))
		theirs, theirSource := build(inKibana(r, ""))
		if own.ID != theirs.ID {
			rt.Fatal("another identity")
		}
		for name := range mapping.ECS() {
			if name == "ecs.version" {
				continue
			}
			if d := cmp.Diff(event.Lookup(ownSource, name), event.Lookup(theirSource, name)); d != "" {
				rt.Fatalf("%s of %s: %s", name, data, d)
			}
		}
		for _, name := range names {
			if d := cmp.Diff(event.Lookup(ownSource, name), event.Lookup(theirSource, name)); d != "" {
				rt.Fatalf("%s of %s: %s", name, data, d)
			}
			if !strings.HasPrefix(name, "threat") && len(event.Lookup(theirSource, name)) > 0 && !strings.HasPrefix(name, "labels") && byPath(theirSource, name) == nil {
				rt.Fatalf("%s of %s is not at its path: %v", name, data, theirSource)
			}
		}
	})
}

// byPath is what lodash's get returns.
func byPath(object map[string]any, name string) any {
	key, rest, more := strings.Cut(name, ".")
	if !more {
		return object[key]
	}
	below, _ := object[key].(map[string]any)
	if below == nil {
		return nil
	}
	return byPath(below, rest)
}

// TestKibanaGroup: the alerts of a sequence are all for Kibana.
func TestKibanaGroup(t *testing.T) {
	events := []event.Event{
		{Index: "logs-a", ID: "1", Source: json.RawMessage(`{"@timestamp":"2026-01-15T14:01:00Z","host.name":"h"}`)},
		{Index: "logs-a", ID: "2", Source: json.RawMessage(`{"@timestamp":"2026-01-15T14:02:00Z","host.name":"h"}`)},
	}
	docs, err := inKibana(&rule.Rule{ID: "r", Name: "R", Type: rule.TypeEQL}, "").BuildGroup(alert.Group{Events: events}, alert.Run{Time: time.Unix(1, 0)})
	if err != nil || len(docs) != 3 {
		t.Fatal(docs, err)
	}
	for _, d := range docs {
		if byPath(d.Source, "host.name") != "h" || d.Source["kibana.version"] != "8.19.0" || !strings.Contains(event.First(d.Source, "kibana.alert.url"), d.ID) {
			t.Errorf("%v", d.Source)
		}
	}
}
