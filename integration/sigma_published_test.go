//go:build integration

package integration

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/fieldmap/winlog"
	"tocsin/internal/testkit/conformance"
)

// TestSigmaPublishedOnNode wants the rules of SigmaHQ to find the events that were published with them where Elasticsearch
// has them as Elastic's packages write them, under each mapping.
func TestSigmaPublishedOnNode(t *testing.T) {
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
		sets, held, exact := 0, 0, 0
		for number, set := range all {
			if !sigmaTurn(number, turn, len(mappings)) {
				continue
			}
			row, ok, err := set.Packaged(winlog.Document)
			must(t, err)
			if !ok {
				continue // a line that no package of Windows reads
			}
			rule, err := os.ReadFile(filepath.Join(corpus, set.Rule))
			must(t, err)
			row.Rule = string(rule)
			sets++
			pushed, wrong := sigmaRowOnNode(t, node, client, row, usual, node.Name(fmt.Sprintf("sigma-published-%s-%d", usual, sets)))
			if wrong != "" {
				t.Errorf("%s: %s: %s", usual, set.Rule, wrong)
				continue
			}
			held++
			if pushed {
				exact++
			}
		}
		t.Logf("%s: %d of %d sets hold, %d by the search alone", usual, held, sets, exact)
	}
}
