package plans_test

import (
	"maps"
	"strings"
	"testing"

	"tocsin/internal/backend/store"
	"tocsin/internal/rule"
	"tocsin/internal/testkit/conformance"
)

// TestConformanceQueries runs the cases of queries on the embedded store.
func TestConformanceQueries(t *testing.T) {
	shared, sharedSets, err := conformance.SharedQueries()
	if err != nil {
		t.Fatal(err)
	}
	for language, folder := range map[rule.Language]string{rule.EQL: "eql", rule.Kuery: "kql", rule.Lucene: "lucene"} {
		t.Run(folder, func(t *testing.T) {
			own, sets, err := conformance.WrittenQueries(language, folder)
			if err != nil {
				t.Fatal(err)
			}
			besides := []conformance.Case{}
			if language == rule.EQL {
				besides = shared
				maps.Copy(sets, sharedSets)
			}
			opened := map[string]*store.Events{}
			conformance.Run(t, own, besides, func(c conformance.Case) error {
				set := sets[c.Dataset]
				if opened[c.Dataset] == nil {
					opened[c.Dataset] = openDataset(t, set)
				}
				at := conformance.Place{
					Events: opened[c.Dataset], Index: "*", Original: func(index string) string { return index }, Memory: true,
				}
				return c.Check(t.Context(), set, at)
			})
		})
	}
}

func openDataset(t *testing.T, d *conformance.Dataset) *store.Events {
	t.Helper()
	fields, err := d.Fields()
	if err != nil {
		t.Fatal(err)
	}
	events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{
		Files: []string{"-"}, Stdin: strings.NewReader(d.NDJSON()), Mapping: fields,
	})
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	t.Cleanup(func() { _ = events.Close() })
	return events
}
