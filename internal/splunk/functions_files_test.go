package splunk_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// moreFields are additional fields of the expressions in files.
const moreFields = `,"w":1772716503.987654,"pattern":"a{3}"}`

// TestFunctionFiles runs the expressions of testdata/functions: > is an expression, and = its value.
func TestFunctionFiles(t *testing.T) {
	names, err := filepath.Glob("testdata/functions/*.txt")
	if err != nil || len(names) < 6 {
		t.Fatalf("%d files: %v", len(names), err)
	}
	rows := rowsOf(t, strings.TrimSuffix(compact(t, event), "}")+moreFields)
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		expr := ""
		for line := range strings.Lines(string(data)) {
			text, isExpr := strings.CutPrefix(line, "> ")
			value, isValue := strings.CutPrefix(line, "= ")
			switch {
			case isExpr:
				expr = strings.TrimSuffix(text, "\n")
			case isValue:
				var want any
				if err := json.Unmarshal([]byte(value), &want); err != nil {
					t.Fatalf("%s: %s: %v", name, expr, err)
				}
				got, err := run(t.Context(), t, "* | eval result = "+expr+" | table result", env(), rows)
				if err != nil {
					t.Errorf("%s: %s: %v", name, expr, err)
					continue
				}
				if diff := cmp.Diff(want, got[0].(map[string]any)["result"]); diff != "" {
					t.Errorf("%s: %s (-want +got):\n%s", name, expr, diff)
				}
			case line[0] != '#':
				t.Fatalf("%s: what is %q?", name, line)
			}
		}
	}
}
