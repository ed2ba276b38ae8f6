package elastic

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/alert"
)

// ourPlaces are the mappings that Tocsin makes, as Elasticsearch gives them back.
func ourPlaces() map[string]described {
	a := &Alerts{namespace: "n", alias: aliasPrefix + "n", fields: component{alertComponent, alert.Fields}}
	r := &Alerts{namespace: "n", alias: RiskAlias("n"), fields: component{riskComponent, riskFields}}
	return map[string]described{
		"alerts": {Mappings: a.mappings(), Settings: lenientSettings()}, "risk": {Mappings: r.mappings(), Settings: lenientSettings()},
		"ledger": {Mappings: (&Ledger{}).mappings()}, "leases": {Mappings: (&Leases{}).mappings()},
	}
}

// echoed is what Elasticsearch answers for an index: booleans and numbers of settings and of dynamic are texts,
// objects have no type where they have members.
func echoed(d described) described {
	d.Mappings = plain(d.Mappings)
	d.Mappings["dynamic"] = "false"
	for _, definition := range flat(d.Mappings) {
		if _, members := definition["properties"]; members && definition["type"] == "object" {
			delete(definition, "type")
		}
	}
	settings := map[string]any{}
	for name := range d.Settings {
		var at any = "true"
		parts := strings.Split(name, ".")
		for _, part := range slices.Backward(parts[1:]) {
			at = map[string]any{part: at}
		}
		settings[parts[0]] = at
	}
	d.Settings = settings
	return d
}

func TestOurMappingsDoNotDiffer(t *testing.T) {
	for name, want := range ourPlaces() {
		if faults := differences(want, echoed(want)); len(faults) > 0 {
			t.Errorf("%s: %v", name, faults)
		}
		more := echoed(want)
		more.Mappings["properties"].(map[string]any)["of_somebody_else"] = map[string]any{"type": "text"}
		if faults := differences(want, more); len(faults) > 0 {
			t.Errorf("%s with a field more: %v", name, faults)
		}
	}
}

// TestDamageIsNamed damages one thing of a mapping, which has to be named by its name.
func TestDamageIsNamed(t *testing.T) {
	places := ourPlaces()
	rapid.Check(t, func(t *rapid.T) {
		want := places[rapid.SampledFrom(slices.Sorted(maps.Keys(places))).Draw(t, "place")]
		have := echoed(want)
		fields := flat(have.Mappings)
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(fields))).Draw(t, "field")
		field := fields[name]
		damages := map[string]func(){
			"missing": func() {
				last := name[strings.LastIndex(name, ".")+1:]
				in := have.Mappings["properties"].(map[string]any)
				if len(last) < len(name) {
					parent := fields[name[:len(name)-len(last)-1]]
					for _, key := range []string{"properties", "fields"} {
						if members, ok := parent[key].(map[string]any); ok && members[last] != nil {
							in = members
						}
					}
				}
				delete(in, last)
			},
			"type": func() {
				others := []string{"keyword", "text", "long", "date", "ip", "boolean", "flattened", "nested", "binary", "geo_point"}
				others = slices.DeleteFunc(others, func(o string) bool { return o == kind(field) || slices.Contains(equivalentTypes[kind(field)], o) })
				field["type"] = rapid.SampledFrom(others).Draw(t, "type")
			},
			"not indexed": func() { field["index"] = "not at all" },
			"rewritten":   func() { field["normalizer"] = "lowercase" },
			"disabled":    func() { field["enabled"] = false },
			"dynamic below": func() {
				field["dynamic"] = rapid.SampledFrom([]any{true, "true", "runtime", "strict"}).Draw(t, "dynamic")
			},
			"dynamic": func() {
				name = "dynamic"
				if d := rapid.SampledFrom([]any{nil, true, "true", "runtime", "strict"}).Draw(t, "dynamic"); d != nil {
					have.Mappings["dynamic"] = d
				} else {
					delete(have.Mappings, "dynamic")
				}
			},
			"runtime":   func() { have.Mappings["runtime"] = map[string]any{name: map[string]any{"type": "long"}} },
			"no source": func() { name, have.Mappings["_source"] = "_source", map[string]any{"enabled": false} },
			"routed":    func() { name, have.Mappings["_routing"] = "_routing", map[string]any{"required": true} },
			"nothing":   func() { name, have.Mappings = "dynamic", nil },
		}
		if len(want.Settings) > 0 {
			damages["strict values"] = func() { name, have.Settings = "ignore_malformed", nil }
		}
		damages[rapid.SampledFrom(slices.Sorted(maps.Keys(damages))).Draw(t, "damage")]()
		faults := differences(want, have)
		if !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, name) }) {
			t.Errorf("%s is not named: %v", name, faults)
		}
		text := Misfit{Place: "index [x]", Faults: faults, WayOut: "make it anew"}.String()
		for _, part := range []string{"index [x]", "mapping", faults[0], "make it anew"} {
			if !strings.Contains(text, part) {
				t.Errorf("%q lacks %q", text, part)
			}
		}
	})
}

// TestFlattenedNames wants a mapping without objects to be read as one with them.
func TestFlattenedNames(t *testing.T) {
	var have map[string]any
	if err := json.Unmarshal([]byte(`{"dynamic":"false","subobjects":false,"properties":{"a.b":{"type":"keyword"}}}`), &have); err != nil {
		t.Fatal(err)
	}
	want := described{Mappings: map[string]any{"properties": map[string]any{"a": map[string]any{"properties": map[string]any{"b": map[string]any{"type": "keyword"}}}}}}
	if faults := differences(want, described{Mappings: have}); len(faults) > 0 {
		t.Error(faults)
	}
}
