//go:build integration

package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/testkit/conformance"
	"tocsin/internal/testkit/winlog"
)

// TestSigmaPublishedOnNode wants the rules of SigmaHQ to find the events that were published with them where Elasticsearch
// has them as Elastic's packages write them, under each mapping.
func TestSigmaPublishedOnNode(t *testing.T) {
	const corpus = "../../shared/corpus/sigma"
	text, err := os.ReadFile(filepath.Join(corpus, "regression", "regression.ndjson"))
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
		sets, held, exact, number := 0, 0, 0, 0
		for line := range strings.Lines(string(text)) {
			if number++; !sigmaTurn(number, turn, len(mappings)) {
				continue
			}
			var set struct {
				Rule    string           `json:"rule"`
				Events  []map[string]any `json:"events"`
				Matches []any            `json:"matches"`
			}
			dec := json.NewDecoder(strings.NewReader(line))
			dec.UseNumber()
			must(t, dec.Decode(&set))
			if set.Events[0]["Event"] == nil {
				continue // a line that no package of Windows reads
			}
			if len(set.Matches) == 0 {
				set.Matches = []any{json.Number("0")}
			}
			rule, err := os.ReadFile(filepath.Join(corpus, set.Rule))
			must(t, err)
			row := conformance.SigmaRow{Name: set.Rule, Rule: string(rule), Expected: set.Matches}
			for _, raw := range set.Events {
				doc, _, err := winlog.Document(raw)
				must(t, err)
				delete(doc, "@timestamp")
				row.Events = append(row.Events, doc)
			}
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
