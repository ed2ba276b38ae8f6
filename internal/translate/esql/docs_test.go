package esql_test

import (
	"os"
	"strings"
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/translate/esql"
)

// TestDocs checks the examples of the page against its text.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/rule-types/esql.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]esql.Rows{"esql documents": esql.Documents, "esql made": esql.Made, "esql open": esql.Open}
	seen := map[string]bool{}
	for i, block := range strings.Split(string(page), "\n```") {
		info, body, _ := strings.Cut(block, "\n")
		if i%2 == 0 || !strings.HasPrefix(info, "esql") {
			continue
		}
		seen[info] = true
		q, diags := esql.Parse(diag.NewText("page", body))
		if info == "esql error" {
			_, want, _ := strings.Cut(body, " // ")
			if q != nil || len(diags) == 0 || diags[0].Message != want {
				t.Errorf("%s\n%v", body, diags)
			}
			continue
		}
		if kind, ok := kinds[info]; !ok || q == nil || q.Shape().Rows != kind {
			t.Errorf("%s: %s\n%v", info, body, diags)
		}
	}
	if len(seen) != len(kinds)+1 {
		t.Errorf("blocks of %v", seen)
	}
}
