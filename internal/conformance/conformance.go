// Package conformance reads cases of EQL queries with their expected results, for tests: of the
// embedded store, and of a real Elasticsearch. It is no part of the program.
//
// The cases themselves are not part of this repository; tests that want them skip where they are
// missing. The flow: [Load] reads datasets and cases of a directory; a test makes the datasets
// searchable, runs every [Case], and holds the hits against it with [Case.Compare].
package conformance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/query"
	"tocsin/internal/rule"
)

// Case is one query.
type Case struct {
	Name         string  `json:"name"`
	Query        string  `json:"query"`
	Dataset      string  `json:"dataset"`
	Size         int     `json:"size"`
	PerKey       int     `json:"max_samples_per_key"`
	Expected     any     `json:"expected_event_ids"`
	Alternatives []any   `json:"expected_alternatives"`
	JoinKeys     [][]any `json:"expected_join_keys"`
}

// Dataset is the events of some cases with their mapping.
type Dataset struct {
	Timestamp  string `json:"timestamp_field"`
	Category   string `json:"event_category_field"`
	Tiebreaker string `json:"tiebreaker_field"`
	// Indices are the mappings by index or index pattern.
	Indices map[string]json.RawMessage `json:"indices"`
	Events  []Event                    `json:"-"`
	names   map[string]any
}

// Event is one document of a dataset.
type Event struct {
	Dataset string          `json:"dataset"`
	Index   string          `json:"index"`
	ID      string          `json:"_id"`
	Name    any             `json:"id"` // by which expectations name it
	Source  json.RawMessage `json:"_source"`
}

// Load reads the datasets and cases of a directory.
func Load(dir string) (map[string]*Dataset, []Case, error) {
	data, err := os.ReadFile(filepath.Join(dir, "eql_mapping.json")) //nolint:gosec // a test names it
	if err != nil {
		return nil, nil, fmt.Errorf("read cases: %w", err)
	}
	sets := map[string]*Dataset{}
	if err := json.Unmarshal(data, &sets); err != nil {
		return nil, nil, fmt.Errorf("read mappings: %w", err)
	}
	events, err := lines[Event](filepath.Join(dir, "eql_events.ndjson"))
	if err != nil {
		return nil, nil, err
	}
	for _, e := range events {
		set := sets[e.Dataset]
		if set == nil { // series_x has the fields of series_*
			family, _, _ := strings.Cut(e.Dataset, "_")
			shared := *sets[family+"_*"]
			set = &shared
			sets[e.Dataset] = set
		}
		if set.names == nil {
			set.names = map[string]any{}
		}
		set.names[eventName(e.Index, e.ID)] = e.Name
		set.Events = append(set.Events, e)
	}
	cases, err := lines[Case](filepath.Join(dir, "eql_queries.jsonl"))
	return sets, cases, err
}

// eventName identifies an event; index names of Elasticsearch are in lower case.
func eventName(index, id string) string { return strings.ToLower(index) + "/" + id }

// lines reads a file of one JSON value a line.
func lines[T any](path string) ([]T, error) {
	f, err := os.Open(path) //nolint:gosec // a test names it
	if err != nil {
		return nil, fmt.Errorf("read cases: %w", err)
	}
	defer func() { _ = f.Close() }()
	var out []T
	s := bufio.NewScanner(f)
	s.Buffer(nil, 8<<20)
	for s.Scan() {
		var v T
		if err := json.Unmarshal(s.Bytes(), &v); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, v)
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return out, nil
}

// NDJSON is the dataset as an event file.
func (d *Dataset) NDJSON() string {
	var b strings.Builder
	for _, e := range d.Events {
		fmt.Fprintf(&b, `{"_index":%q,"_id":%q,"_source":%s}`+"\n", e.Index, e.ID, e.Source)
	}
	return b.String()
}

// AdHoc is the case as an ad hoc query over index patterns.
func (c Case) AdHoc(d *Dataset, index ...string) query.AdHocQuery {
	return query.AdHocQuery{
		Text: diag.NewText("query", c.Query), Language: rule.EQL, Index: index,
		TimestampField: d.Timestamp, CategoryField: d.Category, TiebreakerField: d.Tiebreaker, SamplesPerKey: c.PerKey,
	}
}

// Compare holds hits against the expectation. Original turns the index of a hit into that of the
// dataset.
func (c Case) Compare(d *Dataset, hits []query.Hit, original func(string) string) error {
	got, keys := []any{}, [][]any{}
	for _, h := range hits {
		if h.Group == nil {
			got = append(got, d.names[eventName(original(h.Event.Index), h.Event.ID)])
			continue
		}
		members := []any{}
		for _, e := range h.Group.Events {
			if e == nil {
				members = append(members, float64(-1))
				continue
			}
			members = append(members, d.names[eventName(original(e.Index), e.ID)])
		}
		got = append(got, members)
		keys = append(keys, h.Group.JoinKeys)
	}
	return c.compare(got, keys)
}

func (c Case) compare(got []any, keys [][]any) error {
	if c.JoinKeys != nil && !reflect.DeepEqual(keys, c.JoinKeys) {
		return fmt.Errorf("join keys %v, want %v", keys, c.JoinKeys)
	}
	wanted := c.Alternatives
	if wanted == nil {
		wanted = []any{c.Expected}
	}
	for _, alternative := range wanted {
		if reflect.DeepEqual(any(got), alternative) {
			return nil
		}
	}
	return fmt.Errorf("events %v, want %v", got, wanted)
}
