package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/query"
)

// maxColumns is the largest number of columns that are shown as a table.
const maxColumns = 12

// rowTable holds the rows of an answer by column.
type rowTable struct {
	columns []string
	rows    []map[string]string
}

// shown reports whether there are columns and at most maxColumns of them.
func (t rowTable) shown() bool { return len(t.columns) > 0 && len(t.columns) <= maxColumns }

// newRowTable puts hits into columns: the columns of the answer in its order, then the others by name.
func newRowTable(found query.Answer) (t rowTable, err error) {
	known := map[string]bool{}
	if found.Whole {
		t.columns = slices.Clone(found.Columns)
	}
	for _, h := range found.Hits {
		doc, err := h.Event.Document()
		if err != nil {
			return t, fmt.Errorf("query: %w", err)
		}
		row := map[string]string{}
		if h.Event.Index != "" {
			row["_index"] = h.Event.Index
		}
		if h.Event.ID != "" {
			row["_id"] = h.Event.ID
		}
		leaves("", doc.Source, row)
		for name := range row {
			if !found.Whole && !known[name] {
				known[name] = true
				t.columns = append(t.columns, name)
			}
		}
		t.rows = append(t.rows, row)
	}
	if found.Whole {
		return t, nil
	}
	// Index and id of an event come first.
	place := func(name string) int {
		if i := slices.Index(found.Columns, name); i >= 0 {
			return i
		}
		return len(found.Columns)
	}
	slices.SortFunc(t.columns, func(a, b string) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), -strings.Compare(metadataFirst(a), metadataFirst(b)), strings.Compare(a, b))
	})
	return t, nil
}

// writeCSV writes a line with the columns of an answer, then its rows.
func writeCSV(a *app, found query.Answer) error {
	t, err := newRowTable(found)
	if err != nil {
		return err
	}
	w := csv.NewWriter(a.out)
	lines := [][]string{t.columns}
	for _, r := range t.rows {
		cells := make([]string, len(t.columns))
		for i, c := range t.columns {
			cells[i] = r[c]
		}
		lines = append(lines, cells)
	}
	if len(t.columns) == 0 {
		lines = nil
	}
	return wrapWrite(w.WriteAll(lines))
}

func metadataFirst(name string) string {
	if name == "_index" || name == "_id" {
		return name
	}
	return ""
}

// leaves adds the values of an object under their full names.
func leaves(prefix string, source map[string]any, into map[string]string) {
	for name, v := range source {
		switch v := v.(type) {
		case map[string]any:
			leaves(prefix+name+".", v, into)
		case []any:
			texts := make([]string, len(v))
			for i, one := range v {
				texts[i] = fmt.Sprint(one)
			}
			into[prefix+name] = strings.Join(texts, ", ")
		default:
			into[prefix+name] = fmt.Sprint(v)
		}
	}
}

// write writes the table. A missing value is shown as a dash.
func (t rowTable) write(a *app) error {
	head := make([]string, len(t.columns))
	for i, c := range t.columns {
		head[i] = escaped(c)
	}
	out := newTable(a.out, head...)
	for _, r := range t.rows {
		cells := make([]any, len(t.columns))
		for i, c := range t.columns {
			text, there := r[c]
			if cells[i] = shorten(text, max(maxSummary, out.width)); !there {
				cells[i] = "-"
			}
		}
		out.row(cells...)
	}
	return out.flush()
}
