package splunk

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tocsin/internal/search/tables"
	"tocsin/internal/translate/spl"
)

// keyColumn is the column that identifies the rows of a table.
const keyColumn = "_key"

// outputLookup writes its rows to a table once all are known, and passes them on as they arrive.
type outputLookup struct {
	next  stage
	run   *run
	spec  *spl.OutputLookup
	def   *Table
	rows  []map[string]string
	held  *account
	ended bool // the next stage needs no more rows
}

func newOutputLookup(r *run, c *spl.OutputLookup, next stage) stage {
	return &outputLookup{next: next, run: r, spec: c, def: r.defined(c.Table.Text), held: r.account("outputlookup")}
}

func (s *outputLookup) row(row Row) error {
	if s.spec.Max == 0 || len(s.rows) < s.spec.Max {
		cells, size := map[string]string{}, 0
		for name, v := range row {
			if s.written(name) && !v.IsNull() {
				cells[name] = v.String()
				size += len(name) + len(cells[name]) + 32
			}
		}
		s.rows = append(s.rows, cells)
		if err := s.held.hold(size); err != nil {
			return err
		}
		if len(s.rows) > tables.MaxRows {
			return fmt.Errorf("run outputlookup: the table %s: %w", s.spec.Table.Text, tables.ErrTooLarge)
		}
	}
	if s.ended {
		return nil
	}
	err := s.next.row(row)
	if err == errDone { //nolint:errorlint // It is never wrapped.
		s.ended = true
		return nil
	}
	return err
}

// written reports whether a field becomes a column: for a collection, the fields in its definition; for a file,
// all fields that are not hidden.
func (s *outputLookup) written(name string) bool {
	switch {
	case name == keyColumn || name == s.spec.KeyField:
		return true
	case s.def != nil && s.def.Listed:
		return slices.Contains(s.def.Columns, name)
	}
	return name == "_time" || !strings.HasPrefix(name, "_")
}

func (s *outputLookup) end() error {
	if err := s.write(); err != nil {
		return err
	}
	s.held.close()
	return s.next.end()
}

func (s *outputLookup) write() error {
	r := s.run
	if r.env.Tables == nil || len(s.rows) == 0 && (s.spec.KeepIfEmpty || s.spec.NoEmpty && !s.spec.Append) {
		return nil
	}
	name := tableKey(s.spec.Table.Text, s.def)
	var mine *Table
	err := r.env.Tables.Write(r.ctx, name, func(old tables.Table, found bool) (tables.Table, error) {
		before := old
		if !found && s.def != nil {
			before = tables.Table{Columns: s.def.Columns, Rows: s.def.Rows}
		}
		columns, rows := s.changed(before)
		mine = r.lookupOf(s.spec.Table.Text, s.def, columns, rows)
		return old.Next(found, columns, rows, r.window.Now.UTC()), nil
	})
	if err != nil {
		return fmt.Errorf("run outputlookup: %w", err)
	}
	r.tables[s.spec.Table.Text] = mine // the search itself reads the new table
	return nil
}

// changed returns the table with the rows added. Existing rows are not added again, so that a repeated run changes
// nothing.
func (s *outputLookup) changed(old tables.Table) (columns []string, rows [][]string) {
	var out tables.Table
	merging := s.spec.Append || s.spec.KeyField != ""
	if merging || s.def != nil && s.def.Listed {
		out.Columns = slices.Clone(old.Columns)
	}
	names := map[string]bool{}
	for _, cells := range s.rows {
		for name := range cells {
			names[name] = true
		}
	}
	if s.spec.KeyField != "" {
		names[keyColumn] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !slices.Contains(out.Columns, name) {
			out.Columns = append(out.Columns, name)
		}
	}
	at := map[string]int{}
	put := func(row []string, key string) {
		for len(row) < len(out.Columns) {
			row = append(row, "")
		}
		if key == "" {
			key = "row " + strings.Join(row, "\x00")
		} else {
			key = "key " + key
		}
		if i, there := at[key]; there && merging {
			out.Rows[i] = row
			return
		}
		at[key] = len(out.Rows)
		out.Rows = append(out.Rows, row)
	}
	keyed := slices.Index(out.Columns, keyColumn)
	if merging {
		for _, row := range old.Rows {
			key := ""
			if keyed >= 0 && keyed < len(row) {
				key = row[keyed]
			}
			put(slices.Clone(row), key)
		}
	}
	for _, cells := range s.rows {
		if s.spec.KeyField != "" {
			cells[keyColumn] = cells[s.spec.KeyField]
		}
		row := make([]string, len(out.Columns))
		for i, name := range out.Columns {
			row[i] = cells[name]
		}
		put(row, cells[keyColumn])
	}
	return out.Columns, out.Rows
}

// defined returns the definition of a table, nil without one.
func (r *run) defined(name string) *Table {
	if r.env.Table == nil {
		return nil
	}
	return r.env.Table(name)
}

// tableKey returns the name under which a table is stored. Searches use names with and without the file extension.
func tableKey(name string, def *Table) string {
	if def != nil && def.Name != "" {
		name = def.Name
	}
	return strings.TrimSuffix(name, ".csv")
}

// keptTable returns a table with the rows that a search wrote, or else its definition.
func (r *run) keptTable(name string, def *Table) (*Table, error) {
	if r.env.Tables == nil {
		return def, nil
	}
	kept, found, err := r.env.Tables.Read(r.ctx, tableKey(name, def))
	if errors.Is(err, tables.ErrRefused) && (def == nil || !def.Kept && !def.Listed) {
		return def, nil // no search writes it
	}
	if err != nil || !found {
		return def, err //nolint:wrapcheck // it names the table
	}
	if kept, found = kept.AsOf(r.window.Now.UTC()); !found {
		return def, nil
	}
	return r.lookupOf(name, def, kept.Columns, kept.Rows), nil
}

// lookupOf makes a lookup from rows, with the definition of the table if it has one.
func (r *run) lookupOf(name string, def *Table, columns []string, rows [][]string) *Table {
	t := &Table{Name: name}
	if def != nil {
		t = &Table{
			Name: def.Name, Matching: def.Matching, IgnoreCase: def.IgnoreCase, MaxMatches: def.MaxMatches, MinMatches: def.MinMatches, Default: def.Default, Listed: def.Listed,
		}
	}
	t.Columns, t.Rows = columns, rows
	t.Prepare()
	return t
}
