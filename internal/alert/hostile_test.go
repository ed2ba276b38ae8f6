package alert_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/testkit/eventgen"
)

// TestHostileEvents: every event can become an alert. The fields that it keeps fit: none of them is
// moved again.
func TestHostileEvents(t *testing.T) {
	var fields []string
	for name := range mapping.ECS() {
		fields = append(fields, name)
	}
	slices.Sort(fields)
	b := alert.NewBuilder(aRule(), alert.Options{}, alert.Indices{})
	moved := 0
	for n := range 400 {
		source, err := json.Marshal(eventgen.Hostile(5, n, fields))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := b.Build(alert.Finding{Event: anEvent(string(source))}, aRun())
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		of := map[string]any{}
		for name, value := range doc.Source {
			if alert.OfEvent(name) {
				of[name] = value
			}
			if top, _, _ := strings.Cut(name, "."); top == "tocsin" && name != "tocsin.event" && name != "tocsin.source" {
				t.Fatalf("%s: the alert has %s", source, name)
			}
		}
		kept, err := json.Marshal(of)
		if err != nil {
			t.Fatal(err)
		}
		again, err := b.Build(alert.Finding{Event: event.Event{Index: "logs-a", ID: "1", Source: kept}}, aRun())
		if err != nil {
			t.Fatal(err)
		}
		if aside, more := again.Source["tocsin.event"]; more {
			t.Fatalf("%s: %v does not fit", kept, aside)
		}
		if doc.Source["tocsin.event"] != nil {
			moved++
		}
		whole := doc.In(alert.EventAside, alert.OfEvent, 0)
		if whole.ID != doc.ID || whole.Source["kibana.alert.uuid"] != doc.ID {
			t.Fatalf("%s: the identity has changed", source)
		}
	}
	if moved < 80 {
		t.Errorf("%d events had something moved", moved)
	}
}
