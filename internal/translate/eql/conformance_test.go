package eql_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/translate/eql"
)

// conformanceRow is one line of the shared EQL cases.
type conformanceRow struct {
	Query string `json:"query"`
	Stage string `json:"stage"`
	Kind  string `json:"kind"`
}

// readCases reads a file of the shared cases; they are not part of this repository.
func readCases(t *testing.T, name string) []conformanceRow {
	t.Helper()
	f, err := os.Open(filepath.Join("../../../../shared/conformance", name))
	if err != nil {
		t.Skipf("the shared cases are not here: %v", err)
	}
	defer func() { _ = f.Close() }()
	var rows []conformanceRow
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var row conformanceRow
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

func TestConformanceAccepts(t *testing.T) {
	for _, row := range readCases(t, "eql_parse_ok.jsonl") {
		q, diags := eql.Parse(diag.NewText("query", row.Query))
		if diags.HasErrors() {
			t.Errorf("refused %s\n%v", row.Query, diags)
			continue
		}
		checkRoundTrip(t, q)
	}
}

func TestConformanceRefuses(t *testing.T) {
	refused, all := 0, 0
	for _, row := range readCases(t, "eql_parse_error.jsonl") {
		if row.Stage != "parse" {
			continue
		}
		all++
		if q, diags := eql.Parse(diag.NewText("query", row.Query)); diags.HasErrors() {
			refused++
		} else {
			t.Errorf("accepted (%s) %s\nas %s", row.Kind, row.Query, q)
		}
	}
	t.Logf("%d of %d refused", refused, all)
}

// checkRoundTrip prints a tree and parses the text again: the second tree prints the same.
func checkRoundTrip(t *testing.T, q *eql.Query) {
	t.Helper()
	text := q.String()
	again, diags := eql.Parse(diag.NewText("printed", text))
	if diags.HasErrors() {
		var b strings.Builder
		_ = diag.Render(&b, diags)
		t.Errorf("the printed query is refused:\n%s", b.String())
		return
	}
	if again.String() != text {
		t.Errorf("printed %s\nagain   %s", text, again.String())
	}
}
