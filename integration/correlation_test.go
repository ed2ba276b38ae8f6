//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"testing"
	"testing/fstest"
	"time"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/run/catalog"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/testkit/conformance"
)

// TestCorrelationRowsOnNode wants of every row of correlations what the embedded store gives. The events of all rows are in one index; each
// row searches an alias that shows its own.
func TestCorrelationRowsOnNode(t *testing.T) {
	node := newNode(t)
	client, err := elastic.New(elastic.Config{URLs: []string{node.URL}})
	must(t, err)
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	for n, path := range []string{"../internal/testkit/conformance/testdata/sigma/correlations.jsonl", "../../shared/conformance/sigma_correlation.jsonl"} {
		rows, err := conformance.CorrelationRows(path)
		if errors.Is(err, fs.ErrNotExist) {
			t.Logf("%s: not here", path)
			continue
		}
		must(t, err)
		aliases := correlationEvents(t, node, node.Name(fmt.Sprintf("correlations-%d", n)), rows)
		held, tried := 0, 0
		for i, r := range rows {
			if r.Refused() {
				continue
			}
			tried++
			if wrong := correlationRowOnNode(t, client, r, aliases[i]); wrong != "" {
				t.Errorf("%s: %s\n%s", r.Name, wrong, r.Rules)
				continue
			}
			held++
		}
		t.Logf("%s: %d of %d hold", path, held, tried)
	}
}

// correlationEvents writes the events of all rows, and returns the alias of each row.
func correlationEvents(t *testing.T, node *Node, index string, rows []conformance.CorrelationRow) []string {
	t.Helper()
	node.CreateIndex(t, index, object{
		"dynamic_templates": []any{object{"scalars": object{"match_mapping_type": "*", "unmatch_mapping_type": "object", "mapping": object{"type": "keyword"}}}},
		"properties":        object{"@timestamp": object{"type": "date"}},
	})
	aliases := make([]string, len(rows))
	var bulk bytes.Buffer
	var actions []any
	for i, r := range rows {
		aliases[i] = fmt.Sprintf("%s-%d", index, i)
		actions = append(actions, object{"add": object{"index": index, "alias": aliases[i], "filter": object{"term": object{"row_of_test": i}}}})
		for e, source := range r.Events {
			with := maps.Clone(source)
			with["row_of_test"] = i
			must(t, json.NewEncoder(&bulk).Encode(object{"create": object{"_index": index, "_id": fmt.Sprintf("r%d-e%d", i, e)}}))
			must(t, json.NewEncoder(&bulk).Encode(with))
		}
	}
	node.Bulk(t, bulk.String())
	node.Must(t, "POST", "/_aliases", object{"actions": actions})
	return aliases
}

// correlationRowOnNode says what is wrong with the correlations of a row, "" when it holds.
func correlationRowOnNode(t *testing.T, client *elastic.Client, r conformance.CorrelationRow, alias string) string {
	t.Helper()
	c, diags, err := catalog.LoadFS(t.Context(), catalog.Options{Sigma: catalog.Sigma{Index: []string{alias}}}, fstest.MapFS{"r.yml": {Data: []byte(r.Rules)}}, ".")
	must(t, err)
	must(t, diags.Err())
	alerts := map[string]map[string][]string{}
	for _, one := range c.Rules() {
		if one.Type != rule.TypeCorrelation {
			continue
		}
		plan, diags := c.Plan(one)
		must(t, diags.Err())
		src := query.Source{Events: client, At: sigmaRowSlot, Window: window.Window{From: time.Unix(0, 0).UTC(), To: sigmaRowSlot.AddDate(10, 0, 0)}}
		prepared, diags, err := plan.Prepare(t.Context(), src)
		must(t, err)
		must(t, diags.Err())
		alerts[one.Name] = map[string][]string{}
		_, err = prepared.Execute(t.Context(), src, src.Window, func(hits []query.Hit) (bool, error) {
			for _, h := range hits {
				group := conformance.CorrelationGroup(h.Group.Values)
				alerts[one.Name][group] = append(alerts[one.Name][group], h.Group.At.Format(time.RFC3339Nano))
			}
			return true, nil
		})
		must(t, err)
	}
	wrong, err := r.Wrong(alerts)
	must(t, err)
	return wrong
}
