package splunk

import (
	"maps"
	"slices"
	"strings"

	"tocsin/internal/match/pcre"
	"tocsin/internal/translate/spl"
)

// expanded makes one row for each value.
type expanded struct {
	next stage
	spec *spl.Mvexpand
}

func (s *expanded) row(row Row) error {
	name := row.key(s.spec.Field.Text)
	list := row[name].Each()
	if len(list) < 2 {
		return s.next.row(row)
	}
	for i, v := range list {
		if s.spec.Limit > 0 && i == s.spec.Limit {
			break
		}
		one := row.clone()
		one[name] = v
		if err := s.next.row(one); err != nil {
			return err
		}
	}
	return nil
}

func (s *expanded) end() error { return s.next.end() }

func (r *run) makemv(c *spl.Makemv, next stage) (stage, error) {
	if c.Tokenizer == nil {
		return r.mutate(next, func(row Row) {
			name := row.key(c.Field.Text)
			var list []Value
			for _, x := range row[name].Each() {
				for part := range strings.SplitSeq(x.String(), c.Delim) {
					if part != "" || c.AllowEmpty {
						list = append(list, Text(part))
					}
				}
			}
			row.set(name, Several(list...))
		}), nil
	}
	re, err := pcre.Compile(c.Tokenizer.Value)
	if err != nil {
		return nil, err
	}
	return &perRow{next, r, func(row Row) (bool, error) {
		name := row.key(c.Field.Text)
		var list []Value
		for _, x := range row[name].Each() {
			matches, err := re.Find(x.String(), 0)
			if err != nil {
				return false, err
			}
			for _, m := range matches {
				// The first group is the value; without a group, the whole match.
				g := m[min(1, len(m)-1)]
				list = append(list, Text(g.Text))
			}
		}
		row.set(name, Several(list...))
		return true, nil
	}}, nil
}

// combined joins rows that differ in only one field.
type combined struct {
	next stage
	spec *spl.Mvcombine
	rows kept
	at   map[string]int
	// values holds the values of the field of each row.
	values [][]Value
}

func (s *combined) row(row Row) error {
	name := row.key(s.spec.Field.Text)
	var key strings.Builder
	for _, other := range slices.Sorted(maps.Keys(row)) {
		if other != name && other != "_id" && other != "_index" {
			key.WriteString(other + "\x00" + row[other].String() + "\x00")
		}
	}
	if i, ok := s.at[key.String()]; ok {
		s.values[i] = append(s.values[i], row[name].Each()...)
		return s.rows.grow(i, row[name].size())
	}
	i := len(s.values)
	s.at[key.String()] = i
	s.values = append(s.values, slices.Clone(row[name].Each()))
	if err := s.rows.add(row); err != nil {
		return err
	}
	return s.rows.grow(i, key.Len()+row[name].size())
}

func (s *combined) end() error {
	err := s.rows.drain(func(i int, row Row) error {
		row.set(row.key(s.spec.Field.Text), Several(s.values[i]...))
		s.values[i] = nil
		return s.next.row(row)
	})
	if err != nil {
		return err
	}
	return s.next.end()
}
