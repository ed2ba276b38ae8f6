//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/query"
	"tocsin/internal/run/catalog"
	"tocsin/internal/testkit/conformance"
)

// sigmaRowSlot is when the rules run; their events are of the minute before.
var sigmaRowSlot = time.Date(2026, 1, 15, 14, 0, 0, 0, time.UTC)

// TestSigmaRowsOnNode wants of every row of Sigma what the embedded store gives: its events are searched where
// they are, under one mapping after the other. TOCSIN_SIGMA_MAPPINGS names mappings that all rows are tried under.
func TestSigmaRowsOnNode(t *testing.T) {
	node := newNode(t)
	client, err := elastic.New(elastic.Config{URLs: []string{node.URL}})
	must(t, err)
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	mappings := sigmaMappings(conformance.Inferred, conformance.Plain, conformance.Normalized, conformance.Caseless)
	for _, path := range []string{"../internal/testkit/conformance/testdata/sigma/rows.jsonl", "../internal/testkit/conformance/testdata/sigma/language.jsonl", "../../shared/conformance/sigma.jsonl"} {
		rows, err := conformance.SigmaRows(path)
		if errors.Is(err, fs.ErrNotExist) {
			t.Logf("%s: not here", path)
			continue
		}
		must(t, err)
		for turn, usual := range mappings {
			held, exact, tried := 0, 0, 0
			for i, r := range rows {
				if !sigmaTurn(i, turn, len(mappings)) {
					continue
				}
				tried++
				if r.Refused() {
					held++
					continue
				}
				index := node.Name(fmt.Sprintf("sigma-%s-%d", usual, i))
				pushed, wrong := sigmaRowOnNode(t, node, client, r, usual, index)
				if wrong != "" {
					t.Errorf("%s: %s: %s\n%s", usual, r.Name, wrong, r.Rule)
					continue
				}
				held++
				if pushed {
					exact++
				}
			}
			t.Logf("%s, %s: %d of %d hold, %d by the search alone", path, usual, held, tried, exact)
		}
	}
}

// sigmaMappings are those that TOCSIN_SIGMA_MAPPINGS names, or else the usual ones.
func sigmaMappings(usual ...conformance.SigmaMapping) []conformance.SigmaMapping {
	named := os.Getenv("TOCSIN_SIGMA_MAPPINGS")
	if named == "" {
		return usual
	}
	var out []conformance.SigmaMapping
	for name := range strings.SplitSeq(named, ",") {
		out = append(out, conformance.SigmaMapping(name))
	}
	return out
}

// sigmaTurn reports whether a case is tried under a mapping: each under one of them, if none is named.
func sigmaTurn(i, turn, turns int) bool {
	return os.Getenv("TOCSIN_SIGMA_MAPPINGS") != "" || i%turns == turn
}

func sigmaRowOnNode(t *testing.T, node *Node, client *elastic.Client, r conformance.SigmaRow, usual conformance.SigmaMapping, index string) (exact bool, wrong string) {
	t.Helper()
	c, diags, err := catalog.LoadFS(t.Context(), catalog.Options{Sigma: catalog.Sigma{Index: []string{index}, RunUnmapped: true, Placeholders: r.Placeholders}},
		fstest.MapFS{"r.yml": {Data: []byte(r.Rule)}}, ".")
	must(t, err)
	must(t, diags.Err())
	return sigmaFindsOnNode(t, node, client, c, r, usual, index)
}

// sigmaFindsOnNode says which events the rules of a catalog find that they should not, or the other way round, and
// whether searches alone decide.
func sigmaFindsOnNode(t *testing.T, node *Node, client *elastic.Client, c catalog.Catalog, r conformance.SigmaRow, usual conformance.SigmaMapping, index string) (exact bool, wrong string) {
	t.Helper()
	properties := map[string]any{}
	if m := r.Mapping(usual); m != nil {
		properties = m
	}
	node.CreateIndex(t, index, object{"properties": properties})
	defer node.Must(t, "DELETE", "/"+index, nil)
	var bulk bytes.Buffer
	for i := range r.Events {
		must(t, json.NewEncoder(&bulk).Encode(object{"create": object{"_index": index, "_id": fmt.Sprintf("e%d", i)}}))
		must(t, json.NewEncoder(&bulk).Encode(r.Event(i, sigmaRowSlot.Add(-time.Minute).Format(time.RFC3339))))
	}
	if bulk.Len() > 0 {
		node.Bulk(t, bulk.String())
	}
	var found []string
	exact = true
	for _, one := range c.Rules() {
		plan, diags := c.Plan(one)
		must(t, diags.Err())
		src := query.Source{Events: client, At: sigmaRowSlot, Window: plan.Rule().Window(sigmaRowSlot)}
		prepared, diags, err := plan.Prepare(t.Context(), src)
		if prepared == nil || err != nil {
			return false, fmt.Sprint(diags, err)
		}
		result, err := prepared.Execute(t.Context(), src, src.Window, func(hits []query.Hit) (bool, error) {
			for _, h := range hits {
				found = append(found, h.Event.ID)
			}
			return true, nil
		})
		if err != nil {
			return false, err.Error()
		}
		exact = exact && result.Exact
	}
	slices.Sort(found)
	want := r.Finds()
	slices.Sort(want)
	return exact, cmp.Diff(want, slices.Compact(found))
}

// TestSigmaRegressionOnNode wants the rules of SigmaHQ to find the events that were published with them.
func TestSigmaRegressionOnNode(t *testing.T) {
	const corpus = "../../shared/corpus/sigma"
	all, err := conformance.SigmaSets(corpus)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the corpus is not here: %v", err)
	}
	must(t, err)
	node := newNode(t)
	client, err := elastic.New(elastic.Config{URLs: []string{node.URL}})
	must(t, err)
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	mappings := sigmaMappings(conformance.Plain, conformance.Normalized, conformance.Caseless)
	for turn, usual := range mappings {
		sets, held := 0, 0
		for number, set := range all {
			if !sigmaTurn(number, turn, len(mappings)) {
				continue
			}
			sets++
			index := node.Name(fmt.Sprintf("sigma-%s-%d", usual, sets))
			c, diags, err := catalog.Load(t.Context(), catalog.Options{Sigma: catalog.Sigma{Index: []string{index}}}, filepath.Join(corpus, set.Rule))
			must(t, err)
			must(t, diags.Err())
			if _, wrong := sigmaFindsOnNode(t, node, client, c, set.Row(), usual, index); wrong != "" {
				t.Errorf("%s, %s: %s", usual, set.Rule, wrong)
				continue
			}
			held++
		}
		t.Logf("%s: %d of %d sets hold", usual, held, sets)
	}
}
