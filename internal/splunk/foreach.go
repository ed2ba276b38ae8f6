package splunk

import (
	"fmt"
	"strconv"

	"tocsin/internal/translate/spl"
)

// eachField runs commands once for each field that matches a pattern, or for each value of a field.
type eachField struct {
	next      stage
	run       *run
	spec      *spl.Foreach
	spells    bool
	instances map[string]stage
	out       Row
}

func newEachField(r *run, c *spl.Foreach, next stage) stage {
	return &eachField{next: next, run: r, spec: c, spells: c.Spells(), instances: map[string]stage{}}
}

func (s *eachField) row(row Row) error {
	var err error
	if s.spec.Mode == spl.EachField {
		row, err = s.fields(row)
	} else {
		row, err = s.values(row)
	}
	if row == nil || err != nil {
		return err
	}
	return s.next.row(row)
}

// fields runs the commands for each field; the row is nil if they drop it.
func (s *eachField) fields(row Row) (Row, error) {
	var fields []spl.Each
	for _, n := range s.spec.Names {
		for _, name := range row.matching(n.Text) {
			stars, _ := captures(n.Text, name)
			fields = append(fields, spl.Each{Field: name, Stars: stars})
		}
	}
	for _, f := range fields {
		var err error
		if row, err = s.once(row, f); row == nil || err != nil {
			return nil, err
		}
	}
	return row, nil
}

// values runs the commands for each value of the field, or for each element of a JSON array.
func (s *eachField) values(row Row) (Row, error) {
	name := row.key(s.spec.Names[0].Text)
	list := row[name].Each()
	if s.spec.Mode == spl.EachMember {
		v, _ := readJSON(row[name].String())
		members, _ := v.([]any)
		list = nil
		for _, m := range members {
			list = append(list, memberValue(m))
		}
	}
	for i, v := range list {
		if err := s.run.alive(); err != nil {
			return nil, err
		}
		row.set(spl.ItemField, v)
		row.set(spl.IterField, Number(float64(i)))
		var err error
		if row, err = s.once(row, spl.Each{Field: name, Item: v.String(), Iter: i}); row == nil || err != nil {
			return nil, err
		}
	}
	delete(row, spl.ItemField)
	delete(row, spl.IterField)
	return row, nil
}

func (s *eachField) once(row Row, e spl.Each) (Row, error) {
	chain, err := s.instance(e)
	if err != nil {
		return nil, err
	}
	s.out = nil
	if err := chain.row(row); err != nil {
		return nil, err
	}
	return s.out, nil
}

func (s *eachField) end() error { return s.next.end() }

func (s *eachField) instance(e spl.Each) (stage, error) {
	key := e.Field
	if s.spells {
		key += "\x00" + e.Item + "\x00" + strconv.Itoa(e.Iter)
	}
	if chain, ok := s.instances[key]; ok {
		return chain, nil
	}
	if len(s.instances) == maxPatterns {
		clear(s.instances)
	}
	search, diags := s.spec.Instance(e)
	if search == nil {
		return nil, fmt.Errorf("run foreach for the field %s: %w", e.Field, diags.Err())
	}
	chain, err := s.run.chain(search.Stages, sink(func(row Row) error {
		s.out = row
		return nil
	}))
	if err != nil {
		return nil, err
	}
	s.instances[key] = chain
	return chain, nil
}
