//go:build integration

package integration

import (
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/query"
	"tocsin/internal/run/catalog"
)

// TestObjectBesideValue: a field that is an object in one index has values in another, whichever of them comes first by name.
func TestObjectBesideValue(t *testing.T) {
	node := newNode(t)
	client, err := elastic.New(elastic.Config{URLs: []string{node.URL}})
	must(t, err)
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	at := sigmaRowSlot.Add(-time.Minute).Format(time.RFC3339)
	for _, names := range [][2]string{{"object-a", "value-b"}, {"object-b", "value-a"}} {
		objects, values := node.Name(names[0][7:]+names[0]), node.Name(names[1][6:]+names[1])
		node.CreateIndex(t, objects, object{"properties": object{"process": object{"properties": object{"name": object{"type": "keyword"}}}}})
		node.CreateIndex(t, values, object{"properties": object{"process": object{"type": "keyword", "ignore_above": 1024}}})
		node.Must(t, "PUT", "/"+objects+"/_doc/object?refresh=true", object{"@timestamp": at, "process": object{"name": "sshd"}})
		node.Must(t, "PUT", "/"+values+"/_doc/value?refresh=true", object{"@timestamp": at, "process": "SSHD"})
		for item, want := range map[string][]string{"process: sshd": {"value"}, "process.name: sshd": {"object"}, "process|startswith: ss": {"value"}, "process|exists: true": {"object", "value"}} {
			rule := "title: T\nlogsource: {category: c}\ndetection:\n  s: {" + item + "}\n  condition: s\n"
			c, diags, err := catalog.LoadFS(t.Context(), catalog.Options{Sigma: catalog.Sigma{Index: []string{objects, values}}}, fstest.MapFS{"r.yml": {Data: []byte(rule)}}, ".")
			must(t, err)
			must(t, diags.Err())
			plan, _ := c.Plan(c.Rules()[0])
			src := query.Source{Events: client, At: sigmaRowSlot, Window: plan.Rule().Window(sigmaRowSlot)}
			prepared, diags, err := plan.Prepare(t.Context(), src)
			must(t, err)
			must(t, diags.Err())
			var found []string
			_, err = prepared.Execute(t.Context(), src, src.Window, func(hits []query.Hit) (bool, error) {
				for _, h := range hits {
					found = append(found, h.Event.ID)
				}
				return true, nil
			})
			must(t, err)
			if slices.Sort(found); !slices.Equal(found, want) {
				t.Errorf("%v, %s: %v, want %v", names, item, found, want)
			}
		}
	}
}
