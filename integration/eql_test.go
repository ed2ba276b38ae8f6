//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/conformance"
	"tocsin/internal/elastic"
	"tocsin/internal/query"
	"tocsin/internal/window"
)

// TestEQLConformance runs the shared cases of EQL queries on the node; they are not part of this
// repository.
func TestEQLConformance(t *testing.T) {
	sets, cases, err := conformance.Load("../../shared/conformance")
	if err != nil {
		t.Skipf("the shared cases are not here: %v", err)
	}
	node := newNode(t)
	client, err := elastic.New(elastic.Config{URLs: []string{node.URL}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	for name, set := range sets {
		if len(set.Events) > 0 {
			indexDataset(t, node, name, set)
		}
	}
	passed := 0
	for _, c := range cases {
		set := sets[c.Dataset]
		prefix := datasetPrefix(node, c.Dataset)
		if err := runCase(t, client, c, set, prefix); err != nil {
			t.Errorf("%s\n%s\n%v", c.Name, c.Query, err)
			continue
		}
		passed++
	}
	t.Logf("%d of %d", passed, len(cases))
}

// datasetPrefix begins the names of a dataset's indices; index names are lower case.
func datasetPrefix(node *Node, dataset string) string {
	return node.Name("eql-" + strings.ToLower(dataset) + "-")
}

// indexDataset makes the dataset's indices under names of this test's own.
func indexDataset(t *testing.T, node *Node, name string, set *conformance.Dataset) {
	t.Helper()
	prefix := datasetPrefix(node, name)
	made := map[string]bool{}
	var bulk strings.Builder
	for _, e := range set.Events {
		if !made[e.Index] {
			made[e.Index] = true
			node.CreateIndex(t, prefix+strings.ToLower(e.Index), mappingOf(t, set, e.Index))
		}
		fmt.Fprintf(&bulk, `{"create":{"_index":%q,"_id":%q}}`+"\n%s\n", prefix+strings.ToLower(e.Index), e.ID, e.Source)
	}
	node.Bulk(t, bulk.String())
}

// mappingOf finds the mapping of an index, less the marks of what dynamic mapping had made.
func mappingOf(t *testing.T, set *conformance.Dataset, index string) any {
	t.Helper()
	raw, ok := set.Indices[index]
	if !ok { // one pattern for a family
		names := slices.Sorted(maps.Keys(set.Indices))
		raw = set.Indices[names[0]]
	}
	var mapping map[string]any
	if err := json.Unmarshal(raw, &mapping); err != nil {
		t.Fatal(err)
	}
	dropMarks(mapping)
	return mapping
}

func dropMarks(v any) {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "_dynamic")
		for _, member := range v {
			dropMarks(member)
		}
	case []any:
		for _, element := range v {
			dropMarks(element)
		}
	}
}

func runCase(t *testing.T, client *elastic.Client, c conformance.Case, set *conformance.Dataset, prefix string) error {
	t.Helper()
	plan, diags := query.AdHoc(c.AdHoc(set, prefix+"*"))
	if plan == nil {
		return diags.Err()
	}
	prepared, diags, err := plan.Prepare(t.Context(), query.Source{Events: client})
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	if prepared == nil {
		return diags.Err()
	}
	hits, err := query.Hunt(t.Context(), prepared, query.Source{Events: client}, window.Window{}, c.Size)
	if err != nil {
		return fmt.Errorf("hunt: %w", err)
	}
	return c.Compare(set, hits, func(index string) string { return strings.TrimPrefix(index, prefix) })
}
