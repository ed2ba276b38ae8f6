package kql_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"tocsin/internal/condition"
	"tocsin/internal/diag"
	"tocsin/internal/event"
	"tocsin/internal/mapping"
	"tocsin/internal/translate/kql"
)

// docPage is the page of the language, split at its fences and tables.
type docPage struct {
	fields mapping.Fields
	// accepted and refused are the queries in its blocks.
	accepted, refused []string
	tables            [][][]string
}

func readPage(t *testing.T) docPage {
	t.Helper()
	data, err := os.ReadFile("../../../docs/languages/kuery.md")
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
		case "kuery":
			p.accepted = append(p.accepted, body)
		case "kuery error":
			p.refused = append(p.refused, body)
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
	q, diags := kql.Parse(text)
	if q == nil {
		return nil, diags
	}
	return kql.Lower(q, text, kql.Options{Fields: fields})
}

func TestDocsQueries(t *testing.T) {
	p := readPage(t)
	for _, query := range p.accepted {
		if e, diags := lowered(query, p.fields); e == nil || len(diags) > 0 {
			t.Errorf("%s: %v", query, diags)
		}
	}
	for _, block := range p.refused {
		query, reason, found := strings.Cut(block, "// ")
		_, diags := lowered(query, p.fields)
		if !found || !strings.Contains(errorsOf(diags), reason) {
			t.Errorf("%s: %v", block, diags)
		}
	}
	if len(p.accepted) < 3 || len(p.refused) < 8 {
		t.Errorf("found %d queries and %d errors: are the blocks still marked?", len(p.accepted), len(p.refused))
	}
}

func errorsOf(diags diag.List) string {
	if err := diags.Err(); err != nil {
		return err.Error()
	}
	return ""
}

// TestDocsConditions compares the column condition with the other columns: its lowered form, its
// result in memory, or the matching documents.
func TestDocsConditions(t *testing.T) {
	p := readPage(t)
	rows := 0
	for _, table := range p.tables {
		if table[0][0] != "condition" {
			continue
		}
		for _, row := range table[2:] {
			rows++
			e, diags := lowered(row[0], p.fields)
			if e == nil || len(diags) > 0 {
				t.Errorf("%s: %v", row[0], diags)
				continue
			}
			checkRow(t, e, p.fields, table[0], row)
		}
	}
	if rows < 30 {
		t.Errorf("found %d conditions", rows)
	}
}

func checkRow(t *testing.T, e condition.Expr, fields mapping.Fields, head, row []string) {
	t.Helper()
	if head[1] == "searched for" {
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
