package splunk

import (
	"cmp"
	"slices"
	"strings"

	"tocsin/internal/translate/spl"
)

// top counts combinations of values, and passes on the most frequent or the rarest.
type top struct {
	next   stage
	spec   *spl.Top
	groups *grouping
	totals map[string]float64
}

func newTop(r *run, c *spl.Top, next stage) stage {
	names := append(slices.Clone(c.By), c.Names...)
	return &top{next, c, newGrouping(r.account(c.Command()), []spl.Agg{{Func: "count", As: "count"}}, names, same), map[string]float64{}}
}

// part is the key of the values of by.
func (s *top) part(values []Value) string {
	var key strings.Builder
	for _, v := range values[:len(s.spec.By)] {
		key.WriteString(v.String())
		key.WriteByte(0)
	}
	return key.String()
}

func (s *top) row(row Row) error {
	in, err := s.groups.of(row)
	if err != nil {
		return err
	}
	for _, one := range in {
		if err := s.groups.add(one, row); err != nil {
			return err
		}
		part := s.part(one.values)
		if _, known := s.totals[part]; !known {
			if err := s.groups.account.hold(len(part) + 48); err != nil {
				return err
			}
		}
		s.totals[part]++
	}
	return nil
}

func (s *top) end() error {
	count := func(g *group) float64 {
		n, _ := g.slots[0].one.result().Float()
		return n
	}
	list := s.groups.sorted()
	slices.SortStableFunc(list, func(a, b *group) int {
		if c := cmp.Compare(s.part(a.values), s.part(b.values)); c != 0 {
			return c
		}
		if s.spec.Rare {
			return cmp.Compare(count(a), count(b))
		}
		return cmp.Compare(count(b), count(a))
	})
	shown := map[string]int{}
	others := map[string]float64{}
	for i, g := range list {
		part := s.part(g.values)
		if shown[part]++; s.spec.Limit > 0 && shown[part] > s.spec.Limit {
			others[part] += count(g)
			if err := s.rest(list, i, others[part]); err != nil {
				return err
			}
			continue
		}
		row := Row{}
		for i, name := range s.groups.by {
			row.set(name, g.values[i])
		}
		if !s.spec.NoCount {
			row.set(s.spec.CountAs, Number(count(g)))
		}
		if !s.spec.NoShare {
			row.set(s.spec.ShareAs, Number(100*count(g)/s.totals[part]))
		}
		if err := s.next.row(row); err != nil {
			return err
		}
	}
	s.groups.account.close()
	return s.next.end()
}

// rest passes on the row for all other values, if the group is the last of its part.
func (s *top) rest(list []*group, i int, count float64) error {
	part := s.part(list[i].values)
	if s.spec.Other == "" || i+1 < len(list) && s.part(list[i+1].values) == part {
		return nil
	}
	row := Row{}
	for j, name := range s.groups.by {
		row.set(name, Text(s.spec.Other))
		if j < len(s.spec.By) {
			row.set(name, list[i].values[j])
		}
	}
	if !s.spec.NoCount {
		row.set(s.spec.CountAs, Number(count))
	}
	if !s.spec.NoShare {
		row.set(s.spec.ShareAs, Number(100*count/s.totals[part]))
	}
	return s.next.row(row)
}
