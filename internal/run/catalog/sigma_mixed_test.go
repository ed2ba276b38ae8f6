package catalog_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/store"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/run/catalog"
	"tocsin/internal/testkit/conformance"
)

// TestSigmaMixedIndices puts the events of each row in indices that map strings differently, one of them analysed:
// a rule over all of them finds in each what it finds alone.
func TestSigmaMixedIndices(t *testing.T) {
	rows, err := conformance.SigmaRows(sigmaRows["written"])
	if err != nil {
		t.Fatal(err)
	}
	if shared, err := conformance.SigmaRows(sigmaRows["shared"]); err == nil {
		rows = append(rows, shared...)
	}
	events := 0
	for _, r := range rows {
		if r.Refused() {
			continue
		}
		events += 4 * len(r.Finds())
		if wrong := mixedRow(t, r); wrong != "" {
			t.Errorf("%s: %s\n%s", r.Name, wrong, r.Rule)
		}
	}
	t.Logf("%d rows, %d events are to be found", len(rows), events)
}

func mixedRow(t *testing.T, r conformance.SigmaRow) string {
	t.Helper()
	mappings := map[string]any{}
	var want []string
	var lines strings.Builder
	for _, usual := range []conformance.SigmaMapping{conformance.Plain, conformance.Normalized, conformance.Caseless, "text"} {
		index := "logs-" + string(usual)
		properties := r.Mapping(usual)
		if usual == "text" {
			properties = r.Mapping(conformance.Plain)
			for name, p := range properties {
				if fmt.Sprint(p) == "map[type:keyword]" && r.Types[name] == "" {
					properties[name] = map[string]any{"type": "text"}
				}
			}
		}
		mappings[index] = map[string]any{"mappings": map[string]any{"properties": properties}}
		for i := range r.Events {
			source, err := json.Marshal(r.Event(i, noon.Add(-time.Minute).Format(time.RFC3339)))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&lines, `{"_index": %q, "_id": "e%d", "_source": %s}`+"\n", index, i, source)
		}
		for _, id := range r.Finds() {
			want = append(want, index+" "+id)
		}
	}
	text, err := json.Marshal(mappings)
	if err != nil {
		t.Fatal(err)
	}
	indices, err := mapping.ParseIndices(text)
	if err != nil {
		t.Fatal(err)
	}
	events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(lines.String()), Mapping: indices})
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	defer func() { _ = events.Close() }()
	c, diags, err := catalog.LoadFS(t.Context(), catalog.Options{Sigma: catalog.Sigma{Index: []string{"logs-*"}, RunUnmapped: true, Placeholders: r.Placeholders}},
		fstest.MapFS{"r.yml": {Data: []byte(r.Rule)}}, ".")
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	found := map[string]bool{}
	for _, rule := range c.Rules() {
		plan, diags := c.Plan(rule)
		if plan == nil {
			t.Fatal(diags)
		}
		src := query.Source{Events: events, At: noon, Window: rule.Window(noon)}
		prepared, diags, err := plan.Prepare(t.Context(), src)
		if prepared == nil || err != nil {
			return fmt.Sprint(diags, err)
		}
		_, err = prepared.Execute(t.Context(), src, src.Window, func(hits []query.Hit) (bool, error) {
			for _, h := range hits {
				found[h.Event.Index+" "+h.Event.ID] = true
			}
			return true, nil
		})
		if err != nil {
			return err.Error()
		}
	}
	var got []string
	for key := range found {
		got = append(got, key)
	}
	slices.Sort(got)
	slices.Sort(want)
	return cmp.Diff(want, got)
}
