package elastic_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/alert/workflow"
	"tocsin/internal/backend/elastic"
	"tocsin/internal/match/event"
	"tocsin/internal/rule"
)

// schemaTypes are the types of the fields of Kibana's schema.
func schemaTypes(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile("../../alert/testdata/kibana-schema.tsv")
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]string{"date": "date", "number": "long", "numbers": "long", "string": "keyword", "strings": "keyword"}
	out := map[string]string{"kibana.alert.rule.parameters": "flattened", "host.name": "keyword", "host.ip": "ip", "threat.enrichments": "nested"}
	for line := range strings.Lines(string(data)) {
		if columns := strings.Split(strings.TrimSpace(line), "\t"); len(columns) == 3 && types[columns[1]] != "" {
			out[columns[0]] = types[columns[1]]
		}
	}
	return out
}

// mappingOf is a mapping with fields of these types.
func mappingOf(types map[string]string) map[string]any {
	root := map[string]any{}
	for name, typ := range types {
		at := root
		parts := strings.Split(name, ".")
		for _, part := range parts[:len(parts)-1] {
			below, ok := at[part].(map[string]any)
			if !ok {
				below = map[string]any{"properties": map[string]any{}}
				at[part] = below
			}
			at = below["properties"].(map[string]any)
		}
		definition := map[string]any{"type": typ}
		if typ == "object" {
			definition = map[string]any{"properties": map[string]any{"x": map[string]any{"type": "keyword"}}}
		}
		at[parts[len(parts)-1]] = definition
	}
	return map[string]any{"dynamic": "false", "properties": root}
}

// TestKibanaFaults: of generated changes to a mapping like Kibana's, those are faults after which alerts would be refused, or not be
// found, and each is named; no other change is one.
func TestKibanaFaults(t *testing.T) {
	types := schemaTypes(t)
	leaves := []string{}
	for name := range types {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(types)), func(other string) bool { return strings.HasPrefix(other, name+".") }) {
			leaves = append(leaves, name)
		}
	}
	slices.Sort(leaves)
	if faults := elastic.KibanaFaults(mappingOf(types)); len(faults) > 0 {
		t.Fatal(faults)
	}
	needed := elastic.KibanaFields()
	rapid.Check(t, func(rt *rapid.T) {
		changed := maps.Clone(types)
		name := rapid.SampledFrom(append(slices.Clone(needed), leaves...)).Draw(rt, "field")
		if !slices.Contains(leaves, name) {
			return
		}
		required := slices.Contains(needed, name)
		fault := false
		switch change := rapid.SampledFrom([]string{"missing", "object", "another type", "another field"}).Draw(rt, "change"); change {
		case "missing":
			delete(changed, name)
			fault = required
		case "object":
			changed[name] = "object"
			fault = types[name] != "nested" && elastic.WrittenToKibana(name) || required
		case "another type":
			changed[name] = map[string]string{"keyword": "long", "long": "keyword", "date": "keyword", "ip": "keyword", "nested": "nested", "flattened": "keyword"}[types[name]]
			fault = types[name] == "flattened" && elastic.WrittenToKibana(name) || required
		case "another field":
			changed["my.own.field"] = "long"
		}
		faults := elastic.KibanaFaults(mappingOf(changed))
		if fault != (len(faults) > 0) || fault && !strings.HasPrefix(faults[0], name+" ") {
			rt.Fatalf("%s as %q: %v", name, changed[name], faults)
		}
	})
}

// TestWrittenToKibana: the fields whose form is checked are those that alerts have.
func TestWrittenToKibana(t *testing.T) {
	r := &rule.Rule{ID: "r", Name: "R", Type: rule.TypeThreshold, Note: "n", License: "l", TimelineID: "t", BuildingBlockType: "default", TimestampOverride: "x"}
	b := alert.NewBuilder(r, alert.Options{Kibana: &alert.Kibana{Version: "8.19.0", URL: "https://k.example"}}, alert.Indices{})
	ev := event.Event{Index: "logs-a", ID: "1", Source: []byte(`{"@timestamp":"2026-01-15T14:01:00Z","event":{"action":"a","kind":"event"},"data_stream":{"type":"logs"}}`)}
	one, err := b.Build(alert.Finding{Event: ev, Facts: map[string]any{"kibana.alert.threshold_result.count": 1, "kibana.alert.new_terms": []string{"x"}}}, alert.Run{ID: "x", Time: time.Unix(1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	group, err := b.BuildGroup(alert.Group{Events: []event.Event{ev, ev}}, alert.Run{Time: time.Unix(1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	known := 0
	for _, d := range append(group, one) {
		maps.Copy(d.Source, alert.Suppressing(alert.Subject{Instance: "i"}, alert.Suppression{Count: 1}))
		maps.Copy(d.Source, workflow.Action{Status: workflow.Closed, Reason: "x", By: "b", AddTags: []string{"t"}, Assign: []string{"u"}}.Changes(d))
		for name := range d.Source {
			if strings.HasPrefix(name, "kibana.") {
				known++
				if !elastic.WrittenToKibana(name) {
					t.Errorf("%s is written", name)
				}
			}
		}
	}
	if known < 100 {
		t.Errorf("%d fields", known)
	}
}
