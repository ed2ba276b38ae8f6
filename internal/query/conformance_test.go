package query_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"tocsin/internal/conformance"
	"tocsin/internal/mapping"
	"tocsin/internal/query"
	"tocsin/internal/store"
	"tocsin/internal/window"
)

// TestConformanceQueries runs the shared cases on the embedded store; they are not part of this
// repository.
func TestConformanceQueries(t *testing.T) {
	sets, cases, err := conformance.Load("../../../shared/conformance")
	if err != nil {
		t.Skipf("the shared cases are not here: %v", err)
	}
	opened := map[string]*store.Events{}
	passed := 0
	for _, c := range cases {
		set := sets[c.Dataset]
		if opened[c.Dataset] == nil {
			opened[c.Dataset] = openDataset(t, set)
		}
		if err := runCase(t, c, set, opened[c.Dataset]); err != nil {
			t.Errorf("%s\n%s\n%v", c.Name, c.Query, err)
			continue
		}
		passed++
	}
	t.Logf("%d of %d", passed, len(cases))
}

func openDataset(t *testing.T, d *conformance.Dataset) *store.Events {
	t.Helper()
	indices, err := json.Marshal(d.Indices)
	if err != nil {
		t.Fatal(err)
	}
	fields, err := mapping.ParseIndices(indices)
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

func runCase(t *testing.T, c conformance.Case, d *conformance.Dataset, events *store.Events) error {
	t.Helper()
	plan, diags := query.AdHoc(c.AdHoc(d, "*"))
	if plan == nil {
		return diags.Err()
	}
	prepared, diags, err := plan.Prepare(t.Context(), query.Source{Events: events})
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	if prepared == nil {
		return diags.Err()
	}
	hits, err := query.Hunt(t.Context(), prepared, query.Source{Events: events}, window.Window{}, c.Size)
	if err != nil {
		return fmt.Errorf("hunt: %w", err)
	}
	return c.Compare(d, hits, func(index string) string { return index })
}
