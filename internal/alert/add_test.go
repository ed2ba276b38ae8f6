package alert_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
	"tocsin/internal/rule"
)

func TestEnrichable(t *testing.T) {
	for name, want := range map[string]bool{
		"host.asset.criticality": true, "user.risk.calculated_level": true, "splunk.search_name": false, "host.name": true, "user.email": true, "source.geo.city_name": true, "source.geo.location": true, "source.as.number": true, "labels.owner": true, "labels.a.b": true,
		"tocsin.enrichment.owner": true, "tocsin.enrichment.a.b": true, "organization.name": true,
		"tocsin.enrichment": false, "tocsin.source": false, "tocsin.enrichment.": false, "labels": false, "labels.": false, "host": false, "user.roles": true,
		"event.kind": false, "event.action": false, "@timestamp": false, "kibana.alert.rule.name": false, "signal.x": false, "_id": false, "owner": false, "threat.enrichments.matched.field": false, "": false,
	} {
		if got := alert.Enrichable(name) == nil; got != want {
			t.Errorf("%q: %v", name, alert.Enrichable(name))
		}
	}
}

// TestAdd: whatever spellings an event has, a field that it has keeps its values, one that it has not gets the value once, nothing
// else changes, and the event itself is not touched.
func TestAdd(t *testing.T) {
	names := []string{"host.name", "host.os.name", "source.ip", "source.geo.city_name", "source.geo.country_name", "user.name", "labels.owner", "labels.a.b", "tocsin.enrichment.x"}
	rapid.Check(t, func(rt *rapid.T) {
		source := map[string]any{"@timestamp": "2026-01-15T14:01:00Z"}
		for _, name := range names {
			if name != "tocsin.enrichment.x" && rapid.Bool().Draw(rt, name) {
				spell(rt, source, name, rapid.StringMatching("[a-z]{1,3}").Draw(rt, "value"))
			}
		}
		if rapid.Bool().Draw(rt, "a list") {
			source["source"] = []any{map[string]any{"port": 1}, map[string]any{"ip": "10.0.0.1"}}
		}
		text, _ := json.Marshal(source)
		options := alert.Options{}
		if rapid.Bool().Draw(rt, "for Kibana") {
			options.Kibana = &alert.Kibana{}
		}
		doc, err := alert.NewBuilder(&rule.Rule{ID: "r", Type: rule.TypeEQL}, options, alert.Indices{}).Build(alert.Finding{Event: event.Event{Index: "i", ID: "1", Source: text}}, alert.Run{Time: time.Unix(1, 0)})
		if err != nil {
			rt.Fatal(err)
		}
		values := func(d alert.Document) map[string][]any {
			data, _ := json.Marshal(d.Source)
			var source map[string]any
			_ = json.Unmarshal(data, &source)
			out := map[string][]any{}
			for _, name := range append(names, "source.port") {
				out[name] = event.Lookup(source, name)
			}
			return out
		}
		want, id := values(doc), doc.ID
		for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(rt, "added") {
			free := len(want[name]) == 0
			if added := doc.Add(name, "NEW"); added != free {
				rt.Fatalf("%s of %s: added %v", name, text, added)
			}
			if free {
				want[name] = []any{"NEW"}
			}
			if doc.Add(name, "AGAIN") {
				rt.Fatalf("%s was added twice", name)
			}
		}
		if d := cmp.Diff(want, values(doc)); d != "" {
			rt.Fatalf("of %s: %s", text, d)
		}
		if doc.ID != id {
			rt.Fatal("another identity")
		}
	})
}

func TestBelow(t *testing.T) {
	type object = map[string]any
	for name, test := range map[string]struct {
		source object
		want   bool
	}{
		"none": {object{"source": object{"ip": "1"}}, false}, "flat": {object{"source.geo.city_name": "x"}, true}, "nested": {object{"source": object{"geo": object{"city_name": "x"}}}, true},
		"half": {object{"source": object{"geo.city_name": "x"}}, true}, "in a list": {object{"source": []any{object{"ip": 1}, object{"geo": object{"name": "x"}}}}, true},
		"empty": {object{"source": object{"geo": object{"city_name": nil}}}, false}, "another": {object{"source.geography": "x"}, false}, "itself": {object{"source.geo": "x"}, true},
	} {
		d := alert.Document{Source: test.source}
		if got := d.Below("source.geo"); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
