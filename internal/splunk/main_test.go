package splunk_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/splunk"
	"tocsin/internal/translate/spl"
)

// now is the scheduled time of the searches of tests.
var now = time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)

// testMacros are those that the tests call.
type testMacros map[string]spl.Macro

func (m testMacros) Macro(name string, args int) (spl.Macro, []int, bool) {
	macro, ok := m[name]
	return macro, nil, ok && len(macro.Args) == args
}

var macros = testMacros{
	"unbraced": {Name: "unbraced", Definition: "a=1 OR a=2"},
}

// env has a few lookups.
func env() splunk.Env {
	return splunk.Env{
		Macros: macros,
		Table: func(name string) *splunk.Table {
			return map[string]*splunk.Table{
				"exact":   {Name: "exact", Columns: []string{"key", "value", "more"}, Rows: [][]string{{"a", "1", "x"}, {"a", "2", ""}, {"b", "3", "z"}}},
				"folding": {Name: "folding", Columns: []string{"key", "value"}, Rows: [][]string{{"A", "1"}}, IgnoreCase: true, MinMatches: 1, Default: "none"},
				"stars": {
					Name: "stars", Columns: []string{"pattern", "value"}, Rows: [][]string{{"*.exe", "exe"}, {"c*", "c"}},
					Matching: map[string]splunk.Matching{"pattern": splunk.Wildcard}, MaxMatches: 1,
				},
				"nets": {
					Name: "nets", Columns: []string{"net", "zone"}, Rows: [][]string{{"10.0.0.0/8", "in"}},
					Matching: map[string]splunk.Matching{"net": splunk.CIDR},
				},
			}[name]
		},
		Locate: func(address string) map[string]string {
			if address == "8.8.8.8" {
				return map[string]string{"City": "", "Country": "United States", "lat": "37.4", "Timezone": "America/Los_Angeles"}
			}
			return nil
		},
	}
}

func rowsOf(tb testing.TB, lines string) splunk.Events {
	tb.Helper()
	var rows splunk.Events
	for line := range strings.Lines(lines) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		d := json.NewDecoder(strings.NewReader(line))
		d.UseNumber()
		var object map[string]any
		if err := d.Decode(&object); err != nil {
			tb.Fatalf("%s: %v", line, err)
		}
		row := splunk.Flatten(object)
		if row["_time"].IsNull() {
			row["_time"] = splunk.Number(splunk.Epoch(now) - 60 - float64(len(rows)))
		} else {
			x, _ := row["_time"].Float()
			row["_time"] = splunk.Number(x)
		}
		rows = append(rows, row)
	}
	return rows
}

// run returns the results of a search, without the _time of events that the test does not set.
func run(ctx context.Context, tb testing.TB, search string, e splunk.Env, source splunk.Source) ([]any, error) {
	tb.Helper()
	s, diags := spl.ParseText(diag.NewText("search", search), macros)
	if s == nil {
		return nil, diags.Err()
	}
	if diags := splunk.Check(s, e); diags.HasErrors() {
		return nil, diags.Err()
	}
	var out []any
	err := splunk.Run(ctx, s, e, source, splunk.Window{Latest: now, Now: now}, func(row splunk.Row) error {
		out = append(out, row.Native())
		return nil
	})
	data, _ := json.Marshal(out)
	var plain []any
	_ = json.Unmarshal(data, &plain)
	return plain, err
}

// want compares results with lines of JSON. Events' times are not compared where want has none.
func want(t *testing.T, name string, got []any, lines string) {
	t.Helper()
	var expected []any
	for line := range strings.Lines(lines) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		expected = append(expected, object)
	}
	for i, g := range got {
		if i < len(expected) {
			if _, timed := expected[i].(map[string]any)["_time"]; !timed {
				delete(g.(map[string]any), "_time")
			}
		}
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func newText(search string) diag.Text { return diag.NewText("search", search) }

func at(second int64) time.Time { return time.Unix(second, 0) }
