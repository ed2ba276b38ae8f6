package splunk

import (
	"maps"
	"slices"

	"tocsin/internal/translate/spl"
)

// xyseries makes one row from all rows with the same X.
type xyseries struct {
	next stage
	spec *spl.Xyseries
	rows kept
	at   map[string]int
}

func (s *xyseries) row(row Row) error {
	x, name := row.Get(s.spec.X.Text), row.Get(s.spec.Name.Text)
	if x.IsNull() || name.IsNull() {
		return nil
	}
	key := x.String()
	i, known := s.at[key]
	if !known {
		if s.spec.Grouped {
			if err := s.flush(); err != nil {
				return err
			}
		}
		one := Row{}
		one.set(s.spec.X.Text, x)
		i = len(s.rows.rows)
		s.at[key] = i
		if err := s.rows.add(one); err != nil {
			return err
		}
	}
	for _, n := range s.spec.Values {
		column := name.String()
		if len(s.spec.Values) > 1 {
			column = columnName(s.spec.Columns, n.Text, column)
		} else if s.spec.Columns.Format != "" {
			column = columnName(s.spec.Columns, n.Text, column)
		}
		v := row.Get(n.Text)
		if v.IsNull() {
			continue
		}
		s.rows.rows[i].set(column, v)
		if err := s.rows.grow(i, len(column)+32+v.size()); err != nil {
			return err
		}
	}
	return nil
}

func (s *xyseries) flush() error {
	s.at = map[string]int{}
	return s.rows.drain(func(_ int, row Row) error { return s.next.row(row) })
}

func (s *xyseries) end() error {
	if err := s.flush(); err != nil {
		return err
	}
	return s.next.end()
}

// untabled makes one row for each field of a row.
type untabled struct {
	next stage
	spec *spl.Untable
}

func (s *untabled) row(row Row) error {
	x := row.Get(s.spec.X.Text)
	for _, name := range row.matching("*") {
		if name == row.key(s.spec.X.Text) {
			continue
		}
		one := Row{}
		one.set(s.spec.X.Text, x)
		one.set(s.spec.Name.Text, Text(name))
		one.set(s.spec.Value.Text, row[name])
		if err := s.next.row(one); err != nil {
			return err
		}
	}
	return nil
}

func (s *untabled) end() error { return s.next.end() }

// transposed turns the first rows into columns.
type transposed struct {
	next stage
	spec *spl.Transpose
	rows kept
}

func (s *transposed) row(row Row) error {
	if s.spec.Max > 0 && len(s.rows.rows) == s.spec.Max {
		return nil
	}
	return s.rows.add(row)
}

func (s *transposed) end() error {
	fields := map[string]bool{}
	for _, row := range s.rows.rows {
		for _, name := range row.matching("*") {
			fields[name] = true
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(fields), compareNatural) {
		if name == s.spec.Header {
			continue
		}
		one, empty := Row{}, true
		for i, row := range s.rows.rows {
			column := "row " + formatNumber(float64(i+1))
			if h := row.Get(s.spec.Header); s.spec.Header != "" && !h.IsNull() {
				column = h.String()
			}
			v := row[name]
			empty = empty && (v.IsNull() || v.String() == "")
			one.set(column, v)
		}
		if empty && s.spec.SkipEmpty {
			continue
		}
		one.set(s.spec.Column, Text(name))
		if err := s.next.row(one); err != nil {
			return err
		}
	}
	s.rows.rows = nil
	s.rows.account.close()
	return s.next.end()
}
