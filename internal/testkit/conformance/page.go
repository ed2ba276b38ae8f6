package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// Page is a page of documentation, split into its examples.
type Page struct {
	Text   string
	Blocks []Block
	Tables []Table
}

// Block is a fenced block with the info string after its fence.
type Block struct {
	Info, Text string
	Line       int
}

// Table is a table with its cells as written.
type Table struct {
	Head []string
	Rows [][]string
	Line int
}

// ReadPage reads a page by its path below docs.
func ReadPage(name string) (Page, error) {
	root, err := moduleRoot()
	if err != nil {
		return Page{}, err
	}
	data, err := os.ReadFile(filepath.Join(root, "docs", name))
	if err != nil {
		return Page{}, fmt.Errorf("read page: %w", err)
	}
	return cutPage(string(data)), nil
}

// ReadLanguage reads the page of a language and the mapping of its examples.
func ReadLanguage(t *testing.T, name string) (Page, mapping.Fields) {
	t.Helper()
	p, err := ReadPage(name)
	if err != nil {
		t.Fatal(err)
	}
	fields, err := p.Fields()
	if err != nil {
		t.Fatal(err)
	}
	return p, fields
}

func cutPage(text string) Page {
	p := Page{Text: text}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		switch line := lines[i]; {
		case strings.HasPrefix(line, "```"):
			b := Block{Info: strings.TrimPrefix(line, "```"), Line: i + 1}
			var body []string
			for i++; i < len(lines) && lines[i] != "```"; i++ {
				body = append(body, lines[i])
			}
			b.Text = strings.Join(body, "\n")
			p.Blocks = append(p.Blocks, b)
		case strings.HasPrefix(line, "|"):
			table := Table{Head: cells(line), Line: i + 1}
			for i += 2; i < len(lines) && strings.HasPrefix(lines[i], "|"); i++ {
				table.Rows = append(table.Rows, cells(lines[i]))
			}
			p.Tables = append(p.Tables, table)
		}
	}
	return p
}

// cells splits a line of a table at unescaped bars.
func cells(line string) []string {
	const escaped = "\x00"
	line = strings.Trim(strings.ReplaceAll(line, `\|`, escaped), "|")
	var out []string
	for cell := range strings.SplitSeq(line, "|") {
		out = append(out, strings.ReplaceAll(strings.TrimSpace(cell), escaped, "|"))
	}
	return out
}

// Code returns the text between back quotes in a cell.
func Code(cell string) string { return strings.Trim(cell, "`") }

// Column returns the index of a column, -1 if it does not exist.
func (t Table) Column(name string) int { return slices.Index(t.Head, name) }

// Place returns the line number of a row.
func (t Table) Place(row int) int { return t.Line + 2 + row }

// Of returns the blocks of a kind.
func (p Page) Of(info string) []Block {
	return slices.DeleteFunc(slices.Clone(p.Blocks), func(b Block) bool { return b.Info != info })
}

// Fields returns the mapping of the page's examples, which is its first block of JSON.
func (p Page) Fields() (mapping.Table, error) {
	blocks := p.Of("json")
	if len(blocks) == 0 {
		return nil, errors.New("the page has no mapping")
	}
	table, err := mapping.Parse([]byte(blocks[0].Text))
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", blocks[0].Line, err)
	}
	return table, nil
}

// CheckRow compares a condition with a table row whose first column is its text. The other columns are the
// condition it is lowered to ("means" or "searched for"), the result in memory ("in memory"), or the documents
// that match it, one per column.
func (t Table) CheckRow(row []string, e condition.Expr, fields mapping.Fields) error {
	switch t.Head[1] {
	case "means", "searched for":
		if e.String() != Code(row[1]) {
			return fmt.Errorf("it is %s", e)
		}
		return nil
	case "in memory":
		_, err := condition.Compile(e, fields)
		return failed(err, Code(row[1]))
	}
	m, err := condition.Compile(e, fields)
	if err != nil {
		return fmt.Errorf("match: %w", err)
	}
	for i, source := range t.Head[1:] {
		d, err := (&event.Event{Source: json.RawMessage(Code(source))}).Document()
		if err != nil {
			return fmt.Errorf("%s: %w", source, err)
		}
		if got := m.Match(d); got != (row[i+1] == "yes") {
			return fmt.Errorf("on %s: %t", source, got)
		}
	}
	return nil
}

// Queries runs the blocks of a language. A block without a mark must be lowered without a diagnostic. A block that
// is marked error or warning ends in a comment with a part of its only diagnostic. It returns the number of blocks
// by mark.
func (p Page) Queries(t *testing.T, language string, lower func(query string) diag.List) map[string]int {
	t.Helper()
	count := map[string]int{}
	for _, b := range p.Blocks {
		name, mark, _ := strings.Cut(b.Info, " ")
		if name != language {
			continue
		}
		count[mark]++
		if mark == "" {
			if diags := lower(b.Text); len(diags) > 0 {
				t.Errorf("line %d: %v", b.Line, diags)
			}
			continue
		}
		query, reason, found := strings.Cut(b.Text, "// ")
		diags := lower(query)
		if !found || len(diags) != 1 || diags[0].Severity.String() != mark || !strings.Contains(diags[0].Message, reason) {
			t.Errorf("line %d: %v, want one %s with %q", b.Line, diags, mark, reason)
		}
	}
	return count
}

// Conditions checks the rows of the tables with a given name in the first column, except rows for which skip
// returns true. It returns the number of rows.
func (p Page) Conditions(t *testing.T, column string, fields mapping.Fields, lower func(query string) (condition.Expr, diag.List), skip func(Table) bool) int {
	t.Helper()
	rows := 0
	for _, table := range p.Tables {
		if table.Head[0] != column || skip != nil && skip(table) {
			continue
		}
		for i, row := range table.Rows {
			rows++
			e, diags := lower(Code(row[0]))
			if e == nil {
				t.Errorf("line %d: %s: %v", table.Place(i), row[0], diags)
				continue
			}
			if err := table.CheckRow(row, e, fields); err != nil {
				t.Errorf("line %d: %s: %v", table.Place(i), row[0], err)
			}
		}
	}
	return rows
}
