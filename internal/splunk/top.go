package splunk

import (
	"cmp"
	"slices"
	"strings"

	"tocsin/internal/translate/spl"
)

// top counts combinations of values, and hands out the most frequent ones or the rarest.
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
	for _, g := range list {
		part := s.part(g.values)
		if shown[part]++; s.spec.Limit > 0 && shown[part] > s.spec.Limit {
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

// timechart aggregates in steps of time. With a by it makes a column of each value, the biggest
// ones by their sums, and OTHER of the rest.
type timechart struct {
	next   stage
	run    *run
	spec   *spl.Timechart
	groups *grouping
	least  float64
	most   float64
	any    bool
}

func newTimechart(r *run, c *spl.Timechart, next stage) stage {
	by := []spl.Name{{Text: "_time"}}
	if c.By != nil {
		by = append(by, *c.By)
	}
	g := newGrouping(r.account("timechart"), c.Aggs, by, same)
	if !c.NoNull {
		g.fill = func(name string) (Value, bool) {
			if name == "_time" {
				return Null, false
			}
			return Text("NULL"), true
		}
	}
	return &timechart{next: next, run: r, spec: c, groups: g}
}

func (s *timechart) row(row Row) error {
	x, ok := row["_time"].Float()
	if !ok {
		return nil
	}
	at := s.run.floorTime(x, *s.spec.Span)
	if !s.any {
		s.least, s.most, s.any = at, at, true
	}
	s.least, s.most = min(s.least, at), max(s.most, at)
	row["_time"] = Number(at)
	in, err := s.groups.of(row)
	if err != nil {
		return err
	}
	for _, one := range in {
		if err := s.groups.add(one, row); err != nil {
			return err
		}
	}
	return nil
}

func (s *timechart) end() error {
	rows := map[float64]Row{}
	sums := map[string]float64{}
	for _, g := range s.groups.order {
		if s.spec.By == nil {
			continue
		}
		x, _ := g.slots[0].one.result().Float()
		sums[g.values[1].String()] += x
	}
	kept := s.kept(sums)
	for _, g := range s.groups.order {
		at, _ := g.values[0].Float()
		if rows[at] == nil {
			rows[at] = Row{"_time": Number(at)}
		}
		before := rows[at].size()
		s.fill(rows[at], g, kept)
		if err := s.groups.account.hold(rows[at].size() - before); err != nil {
			return err
		}
	}
	if err := s.steps(rows, kept); err != nil {
		return err
	}
	s.groups.account.close()
	return s.next.end()
}

// kept are the columns with the greatest sums.
func (s *timechart) kept(sums map[string]float64) map[string]bool {
	names := make([]string, 0, len(sums))
	for name := range sums {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(sums[b], sums[a]), cmp.Compare(a, b)) })
	if s.spec.Limit > 0 && len(names) > s.spec.Limit {
		names = names[:s.spec.Limit]
	}
	kept := map[string]bool{}
	for _, n := range names {
		kept[n] = true
	}
	return kept
}

// column names the result of an aggregation for a value of by.
func (s *timechart) column(as, value string) string {
	switch {
	case s.spec.By == nil:
		return as
	case len(s.spec.Aggs) == 1:
		return value
	}
	return as + ": " + value
}

func (s *timechart) fill(row Row, g *group, kept map[string]bool) {
	value := ""
	if s.spec.By != nil {
		value = g.values[1].String()
		if !kept[value] {
			if s.spec.NoOther {
				return
			}
			value = "OTHER"
		}
	}
	results := Row{}
	s.groups.results(g, results)
	for name, v := range results {
		column := s.column(name, value)
		x, isX := row[column].Float()
		y, isY := v.Float()
		if isX && isY {
			v = Number(x + y) // Only OTHER is made of several.
		}
		row.set(column, v)
	}
}

// maxSteps bounds the steps of a timechart.
const maxSteps = 50000

// steps hands out a row for each step, also those without events: counts are 0 there.
func (s *timechart) steps(rows map[float64]Row, kept map[string]bool) error {
	if !s.any {
		return nil
	}
	at := s.least
	for range maxSteps {
		row := rows[at]
		if row == nil {
			row = Row{"_time": Number(at)}
		}
		s.zeros(row, kept)
		if err := s.next.row(row); err != nil {
			return err
		}
		if at >= s.most {
			break
		}
		t, _ := moment(at, s.run.loc)
		next := spl.Step(t, *s.spec.Span)
		at = s.run.floorTime(Epoch(next), *s.spec.Span)
	}
	return nil
}

func (s *timechart) zeros(row Row, kept map[string]bool) {
	for _, a := range s.spec.Aggs {
		if a.Func != "count" && a.Func != "dc" {
			continue
		}
		if s.spec.By == nil {
			fillOne(row, a.As, Number(0))
			continue
		}
		for value := range kept {
			fillOne(row, s.column(a.As, value), Number(0))
		}
	}
}
