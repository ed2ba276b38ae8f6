package esql_test

import (
	"strings"
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/testkit/conformance"
	"tocsin/internal/translate/esql"
)

// TestDocs checks the examples of the page against its text.
func TestDocs(t *testing.T) {
	page, err := conformance.ReadPage("rule-types/esql.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]esql.Rows{"esql documents": esql.Documents, "esql made": esql.Made, "esql open": esql.Open}
	seen := map[string]bool{}
	for _, b := range page.Blocks {
		if !strings.HasPrefix(b.Info, "esql") {
			continue
		}
		seen[b.Info] = true
		q, diags := esql.Parse(diag.NewText("page", b.Text))
		if b.Info == "esql error" {
			_, want, _ := strings.Cut(b.Text, " // ")
			if q != nil || len(diags) == 0 || diags[0].Message != want {
				t.Errorf("line %d: %s\n%v", b.Line, b.Text, diags)
			}
			continue
		}
		if kind, ok := kinds[b.Info]; !ok || q == nil || q.Shape().Rows != kind {
			t.Errorf("line %d: %s: %s\n%v", b.Line, b.Info, b.Text, diags)
		}
	}
	if len(seen) != len(kinds)+1 {
		t.Errorf("blocks of %v", seen)
	}
}
