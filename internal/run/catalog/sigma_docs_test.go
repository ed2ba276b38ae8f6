package catalog_test

import (
	"testing"

	"tocsin/internal/testkit/conformance"
)

// TestSigmaCompatPage runs the items of docs/sigma-compat.md over the values beside them.
func TestSigmaCompatPage(t *testing.T) {
	page, err := conformance.ReadPage("sigma-compat.md")
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, table := range page.Tables {
		if table.Head[0] != "item" {
			continue
		}
		for i, line := range table.Rows {
			tried++
			row := conformance.SigmaRow{
				Rule:   "title: T\nlogsource: {category: c}\ndetection:\n  s:\n    " + conformance.Code(line[0]) + "\n  condition: s\n",
				Events: []map[string]any{{"F": conformance.Code(line[2])}}, Types: map[string]string{"F": "keyword"},
			}
			var found []any
			if line[3] == "found" {
				found = []any{"0"}
			}
			row.Expected = found
			if wrong := sigmaRow(t, row, conformance.Normalized); wrong != "" {
				t.Errorf("line %d: %s", table.Place(i), wrong)
			}
		}
	}
	if tried == 0 {
		t.Error("the page has no examples")
	}
}
