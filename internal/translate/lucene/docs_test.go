package lucene_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"tocsin/internal/condition"
	"tocsin/internal/diag"
	"tocsin/internal/event"
	"tocsin/internal/mapping"
	"tocsin/internal/translate/lucene"
)

// docPage is the page of the language, split at its fences and tables.
type docPage struct {
	fields mapping.Fields
	// accepted, refused and warned are the queries in its blocks.
	accepted, refused, warned []string
	tables                    [][][]string
}

func readPage(t *testing.T) docPage {
	t.Helper()
	data, err := os.ReadFile("../../../docs/languages/lucene.md")
	if err != nil {
		t.Fatal(err)
	}
	var p docPage
	for i, section := range strings.Split(string(data), "\n```") {
		if i%2 == 0 {
			p.tables = append(p.tables, tablesOf(section)...)
			continue
		}
		info, body, _ := strings.Cut(section, "\n")
		switch info {
		case "json":
			if p.fields, err = mapping.Parse([]byte(body)); err != nil {
				t.Fatal(err)
			}
		case "lucene":
			p.accepted = append(p.accepted, body)
		case "lucene error":
			p.refused = append(p.refused, body)
		case "lucene warning":
			p.warned = append(p.warned, body)
		}
	}
	return p
}

// tablesOf returns the cells of every table, heads first, without back quotes.
func tablesOf(text string) [][][]string {
	var tables [][][]string
	inTable := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			inTable = false
			continue
		}
		if !inTable {
			tables = append(tables, nil)
		}
		inTable = true
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.Trim(strings.TrimSpace(cells[i]), "`")
		}
		last := len(tables) - 1
		tables[last] = append(tables[last], cells)
	}
	return tables
}

func lowered(query string, fields mapping.Fields) (condition.Expr, diag.List) {
	text := diag.NewText("query", query)
	q, diags := lucene.Parse(text)
	if q == nil {
		return nil, diags
	}
	return lucene.Lower(q, text, lucene.Options{Fields: fields})
}

func TestDocsQueries(t *testing.T) {
	p := readPage(t)
	for _, query := range p.accepted {
		if e, diags := lowered(query, p.fields); e == nil || len(diags) > 0 {
			t.Errorf("%s: %v", query, diags)
		}
	}
	for severity, blocks := range map[diag.Severity][]string{diag.Error: p.refused, diag.Warning: p.warned} {
		for _, block := range blocks {
			query, reason, found := strings.Cut(block, " // ")
			e, diags := lowered(query, p.fields)
			if !found || len(diags) != 1 || diags[0].Severity != severity || !strings.Contains(diags[0].Message, reason) {
				t.Errorf("%s: %v, %v", block, e, diags)
			}
		}
	}
	if len(p.accepted) < 1 || len(p.refused) < 8 || len(p.warned) < 4 {
		t.Errorf("found %d queries, %d errors and %d warnings: are the blocks still marked?", len(p.accepted), len(p.refused), len(p.warned))
	}
}

// TestDocsConditions compares the column query with the other columns: its lowered form, its result
// in memory, or the matching documents.
func TestDocsConditions(t *testing.T) {
	p := readPage(t)
	rows := 0
	for _, table := range p.tables {
		if table[0][0] != "query" {
			continue
		}
		for _, row := range table[2:] {
			rows++
			e, diags := lowered(row[0], p.fields)
			if e == nil {
				t.Errorf("%s: %v", row[0], diags)
				continue
			}
			checkRow(t, e, p.fields, table[0], row)
		}
	}
	if rows < 40 {
		t.Errorf("found %d queries", rows)
	}
}

func checkRow(t *testing.T, e condition.Expr, fields mapping.Fields, head, row []string) {
	t.Helper()
	if head[1] == "means" {
		if e.String() != row[1] {
			t.Errorf("%s: %s", row[0], e)
		}
		return
	}
	m, err := condition.Compile(e, fields)
	if head[1] == "in memory" {
		if err == nil || !strings.Contains(err.Error(), row[1]) {
			t.Errorf("%s: %v", row[0], err)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", row[0], err)
		return
	}
	for i, source := range head[1:] {
		d, err := (&event.Event{Source: json.RawMessage(source)}).Document()
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Match(d); got != (row[i+1] == "yes") {
			t.Errorf("%s on %s: %t", row[0], source, got)
		}
	}
}
