package splunk

import (
	"fmt"

	"tocsin/internal/translate/spl"
)

// lookup adds the columns of matching table rows to each row.
func (r *run) lookup(c *spl.Lookup, next stage) (stage, error) {
	t, err := r.table(c.Table.Text)
	if err != nil {
		return nil, err
	}
	keys := make([]int, len(c.Keys))
	for i, k := range c.Keys {
		if keys[i] = t.column(k.Column.Text); keys[i] < 0 && len(t.Columns) > 0 {
			return nil, fmt.Errorf("run lookup: the lookup %s has no column %s", t.Name, k.Column.Text)
		}
	}
	outputs := c.Outputs
	if len(outputs) == 0 {
		outputs = otherColumns(t, c.Keys)
	}
	columns := make([]int, len(outputs))
	for i, o := range outputs {
		if columns[i] = t.column(o.Column.Text); columns[i] < 0 && len(t.Columns) > 0 {
			return nil, fmt.Errorf("run lookup: the lookup %s has no column %s", t.Name, o.Column.Text)
		}
	}
	return &perRow{next, r, func(row Row) (bool, error) {
		if len(t.Columns) > 0 {
			return true, r.lookupRow(row, t, c, keys, outputs, columns)
		}
		return true, nil
	}}, nil
}

func otherColumns(t *Table, keys []spl.Column) []spl.Column {
	isKey := map[string]bool{}
	for _, k := range keys {
		isKey[k.Column.Text] = true
	}
	var out []spl.Column
	for _, name := range t.Columns {
		if !isKey[name] {
			out = append(out, spl.Column{Column: spl.Name{Text: name}, Field: spl.Name{Text: name}})
		}
	}
	return out
}

func (r *run) lookupRow(row Row, t *Table, c *spl.Lookup, keys []int, outputs []spl.Column, columns []int) error {
	found, ok, err := r.findRows(row, t, c.Keys, keys)
	if !ok || err != nil {
		return err
	}
	for i, o := range outputs {
		name := row.key(o.Field.Text)
		if c.Keep && !row[name].IsNull() {
			continue
		}
		var values []Value
		for _, n := range found {
			if cell := t.cell(n, columns[i]); cell != "" {
				values = append(values, Text(cell))
			}
		}
		if len(found) < t.MinMatches && t.Default != "" {
			for range t.MinMatches - len(found) {
				values = append(values, Text(t.Default))
			}
		}
		// OUTPUT removes existing values, also if the cells are empty, but only if a row was found.
		if len(found) > 0 || len(values) > 0 {
			v := Several(values...)
			if err := r.fits("lookup", v); err != nil {
				return err
			}
			row.set(name, v)
		}
	}
	return nil
}

// findRows returns the table rows for the values of an event, separately for each value of a multivalue field. It
// is false if a key has no value.
func (r *run) findRows(row Row, t *Table, fields []spl.Column, keys []int) ([]int, bool, error) {
	lists := make([][]Value, len(keys))
	for i, k := range fields {
		lists[i] = row.Get(k.Field.Text).Each()
		if len(lists[i]) == 0 {
			return nil, false, nil
		}
	}
	var found []int
	values := make([]string, len(keys))
	for i := range combinations(lists) {
		if err := r.alive(); err != nil {
			return nil, false, err
		}
		for j, list := range lists {
			values[j] = list[i%len(list)].String()
			i /= len(list)
		}
		found = append(found, t.find(keys, values)...)
	}
	return found, true, nil
}

// maxCombinations is the maximum number of value combinations of multivalue fields.
const maxCombinations = 10000

func combinations(lists [][]Value) int {
	n := 1
	for _, list := range lists {
		if n *= len(list); n > maxCombinations {
			return maxCombinations
		}
	}
	return n
}

func (r *run) inputLookup(c *spl.InputLookup, out stage) error {
	t, err := r.table(c.Table.Text)
	if err != nil {
		return err
	}
	where, err := r.resolve(c.Where)
	if err != nil {
		return err
	}
	p := compileExpr(where, same)
	n := 0
	for i := range t.Rows {
		if i < c.Start {
			continue
		}
		if err := r.alive(); err != nil {
			return err
		}
		row := Row{}
		for j, name := range t.Columns {
			if cell := t.cell(i, j); cell != "" {
				row[name] = Text(cell)
			}
		}
		if !p(row) {
			continue
		}
		if c.Max > 0 && n == c.Max {
			return nil
		}
		n++
		if err := out.row(row); err != nil {
			return err
		}
	}
	return nil
}

// locator adds the location of an address.
func (r *run) locator(c *spl.IPLocation) func(Row) {
	return func(row Row) {
		if r.env.Locate == nil {
			return
		}
		for name, v := range r.env.Locate(row.Get(c.Field.Text).String()) {
			if c.AllFields || usualPlaces[name] {
				row.set(c.Prefix+name, Text(v))
			}
		}
	}
}

// usualPlaces are the fields that iplocation adds without allfields.
var usualPlaces = map[string]bool{"City": true, "Country": true, "Region": true, "lat": true, "lon": true}

// appended adds rows after all others.
type appended struct {
	next stage
	run  *run
	more func(stage) error
}

func (s *appended) row(row Row) error { return s.next.row(row) }

func (s *appended) end() error {
	if err := s.more(s.next); err != nil {
		return err
	}
	return s.next.end()
}

// appendedPipe adds the results of commands on all rows after the rows.
type appendedPipe struct {
	next stage
	run  *run
	spec *spl.Append
	rows kept
}

func (s *appendedPipe) row(row Row) error {
	if err := s.rows.add(row.clone()); err != nil {
		return err
	}
	return s.next.row(row)
}

func (s *appendedPipe) end() error {
	chain, err := s.run.chain(s.spec.Sub.Stages, rowsOnly{s.next})
	if err != nil {
		return err
	}
	if err := feed(chain, &s.rows); err != nil {
		return err
	}
	return s.next.end()
}

// feed passes rows to a chain and ends it.
func feed(chain stage, rows *kept) error {
	err := rows.drain(func(_ int, row Row) error { return chain.row(row) })
	if ignoreDone(err) != nil {
		return err
	}
	return chain.end()
}

func ignoreDone(err error) error {
	if err == errDone { //nolint:errorlint // It is never wrapped.
		return nil
	}
	return err
}
