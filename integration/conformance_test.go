//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/rule"
	"tocsin/internal/testkit/conformance"
)

// TestConformance runs the query cases on the node. For KQL and Lucene, the expected results are also compared
// with Elasticsearch's own query of the language.
func TestConformance(t *testing.T) {
	shared, sharedSets, err := conformance.SharedQueries()
	must(t, err)
	node := newNode(t)
	client, err := elastic.New(elastic.Config{URLs: []string{node.URL}})
	must(t, err)
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	indexed := map[string]bool{}
	for language, folder := range map[rule.Language]string{rule.EQL: "eql", rule.Kuery: "kql", rule.Lucene: "lucene"} {
		t.Run(folder, func(t *testing.T) {
			own, sets, err := conformance.WrittenQueries(language, folder)
			must(t, err)
			besides := []conformance.Case{}
			if language == rule.EQL {
				besides = shared
				maps.Copy(sets, sharedSets)
			}
			for name, set := range sets {
				if len(set.Events) > 0 && !indexed[name] {
					indexed[name] = true
					indexDataset(t, node, name, set)
				}
			}
			asked := 0
			conformance.Run(t, own, besides, func(c conformance.Case) error {
				prefix := datasetPrefix(node, c.Dataset)
				at := conformance.Place{
					Events: client, Index: prefix + "*", Original: func(index string) string { return strings.TrimPrefix(index, prefix) },
				}
				if err := c.Check(t.Context(), sets[c.Dataset], at); err != nil {
					return err
				}
				clause, ok := ownQuery(c)
				if !ok {
					return nil
				}
				asked++
				err := sameAsOwn(t, node, c, clause, prefix, sets[c.Dataset].Timestamp)
				if c.Differs != "" && err == nil {
					return fmt.Errorf("it does not differ: %s", c.Differs)
				}
				if c.Differs != "" {
					return nil
				}
				return err
			})
			t.Logf("%d of them asked of Elasticsearch's own query of the language", asked)
		})
	}
}

// ownQuery returns a case as Elasticsearch's own query of its language.
func ownQuery(c conformance.Case) (object, bool) {
	switch c.Language {
	case rule.Kuery:
		return object{"kql": object{"query": c.Query}}, true
	case rule.Lucene:
		return object{"query_string": object{"query": c.Query, "analyze_wildcard": true}}, true
	default:
		return nil, false
	}
}

// sameAsOwn compares the expectation of a case with the result of Elasticsearch for its text.
func sameAsOwn(t *testing.T, node *Node, c conformance.Case, clause object, prefix, timestamp string) error {
	t.Helper()
	status, answer, err := node.send(t.Context(), http.MethodPost, "/"+prefix+"*/_search", "application/json", object{
		"query": clause, "size": c.Size, "sort": []object{{timestamp: "asc"}}, "_source": false,
	})
	if refused := status == http.StatusBadRequest; err == nil && refused && (c.Refusals != nil || c.Fails != "") {
		return nil
	}
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("asked of Elasticsearch: %d %v: %w", status, answer, err)
	}
	found := []any{}
	for _, hit := range answer.At("hits", "hits").List() {
		found = append(found, hit.At("_id").String())
	}
	for _, want := range c.Alternatives {
		if reflect.DeepEqual(any(found), want) {
			return nil
		}
	}
	return fmt.Errorf("Elasticsearch's own query finds %v, want %v", found, c.Alternatives)
}

// datasetPrefix is the prefix of the indices of a dataset; index names are lower case.
func datasetPrefix(node *Node, dataset string) string {
	return node.Name("eql-" + strings.ToLower(dataset) + "-")
}

// indexDataset creates the dataset's indices under names of this test.
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

// mappingOf returns the mapping of an index, without the marks of fields from dynamic mapping.
func mappingOf(t *testing.T, set *conformance.Dataset, index string) any {
	t.Helper()
	raw, ok := set.Indices[index]
	if !ok { // one pattern for a family of indices
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
