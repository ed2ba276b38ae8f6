package splunk

import (
	"cmp"
	"slices"
	"strings"

	"tocsin/internal/translate/spl"
)

// chart aggregates with one field as rows and another as columns: the columns with the largest sums, and one
// column for all others.
type chart struct {
	next   stage
	run    *run
	spec   *spl.Chart
	groups *grouping
	// step is the interval length of a timechart; it is known once all rows have arrived.
	step func() spl.TimeSpan
}

// newChart returns the stage of chart or timechart, preceded by the stage that puts values into intervals.
func newChart(r *run, c *spl.Chart, next stage) stage {
	var by []spl.Name
	if c.Over != nil {
		by = append(by, *c.Over)
	}
	if c.By != nil {
		by = append(by, *c.By)
	}
	g := newGrouping(r.account(c.Command()), c.Aggs, by, same)
	if c.By != nil && !c.NoNull {
		g.fill = func(name string) (Value, bool) {
			if name != c.By.Text {
				return Null, false
			}
			return Text(c.Null), true
		}
	}
	s := &chart{next: next, run: r, spec: c, groups: g}
	var first stage = s
	if c.By != nil {
		first, _ = r.stepped(*c.By, c.BySteps, first)
	}
	if c.Over != nil {
		steps := c.OverSteps
		if c.Time && steps.Span == nil {
			steps = r.usualSteps(steps)
		}
		first, s.step = r.stepped(*c.Over, steps, first)
	}
	return first
}

// stepped is a stage preceded by a bin stage, whose interval length it can read.
func (r *run) stepped(field spl.Name, steps spl.Steps, next stage) (stage, func() spl.TimeSpan) {
	if steps.Span == nil && steps.Bins == 0 {
		return next, func() spl.TimeSpan { return spl.TimeSpan{} }
	}
	made := r.bin(&spl.Bin{Field: field, Span: steps.Span, Bins: steps.Bins, Least: steps.Least, Align: steps.Align}, next)
	if held, ok := made.(*binned); ok {
		return made, held.step
	}
	return made, func() spl.TimeSpan { return *steps.Span }
}

// usualSteps returns the default intervals of a timechart: at most 100 over the searched time, or over the time of
// the events if the search has no time range.
func (r *run) usualSteps(s spl.Steps) spl.Steps {
	if s.Bins == 0 {
		s.Bins = 100
	}
	if w := r.span; !w.Earliest.IsZero() && !w.Latest.IsZero() {
		shortest := 0.0
		if s.Least != nil {
			shortest, _ = s.Least.Seconds()
		}
		step := timeStep(Epoch(w.Earliest), Epoch(w.Latest), s.Bins, shortest)
		s.Span = &step
	}
	return s
}

func (s *chart) row(row Row) error { return s.groups.addTo(row) }

// cell identifies a result: its row and the value of its column.
type cell struct{ over, column string }

func (s *chart) end() error {
	kept := s.kept()
	cells := map[cell]*group{}
	var order []Value
	seen := map[string]bool{}
	for _, g := range s.groups.sorted() {
		over, column := Null, ""
		if s.spec.Over != nil {
			over = g.values[0]
		}
		if s.spec.By != nil {
			if column = g.values[len(g.values)-1].String(); !kept[column] {
				if s.spec.NoOther {
					continue
				}
				column = s.spec.Other
			}
		}
		if !seen[over.String()] {
			seen[over.String()] = true
			order = append(order, over)
			if err := s.groups.account.hold(over.size() + 64); err != nil {
				return err
			}
		}
		at := cell{over.String(), column}
		if old := cells[at]; old != nil {
			for i := range old.slots {
				old.slots[i].merge(g.slots[i])
			}
			continue
		}
		cells[at] = g
		kept[column] = true
	}
	if err := s.rows(order, cells, kept); err != nil {
		return err
	}
	s.groups.account.close()
	return s.next.end()
}

func (s slot) merge(o slot) {
	if s.one != nil {
		merge(s.one, o.one)
	}
	for name, a := range o.many {
		if s.many[name] == nil {
			s.many[name] = a
		} else {
			merge(s.many[name], a)
		}
	}
}

// kept returns the columns that are shown, without the column for all others.
func (s *chart) kept() map[string]bool {
	kept := map[string]bool{}
	if s.spec.By == nil {
		return kept
	}
	sums := s.weights()
	if w := s.spec.Where; w != nil && (w.Op == "<" || w.Op == ">") {
		for name, x := range sums {
			if w.Op == "<" && x < w.Than || w.Op == ">" && x > w.Than {
				kept[name] = true
			}
		}
		return kept
	}
	names := make([]string, 0, len(sums))
	for name := range sums {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		c := cmp.Compare(sums[b], sums[a])
		if s.spec.Bottom && s.spec.Where == nil || s.spec.Where != nil && s.spec.Where.Least {
			c = -c
		}
		return cmp.Or(c, cmp.Compare(a, b))
	})
	switch w := s.spec.Where; {
	case w != nil && w.Op == "notin":
		names = names[min(w.N, len(names)):]
	case w != nil:
		names = names[:min(w.N, len(names))]
	case s.spec.Limit > 0 && len(names) > s.spec.Limit:
		names = names[:s.spec.Limit]
	}
	for _, n := range names {
		kept[n] = true
	}
	return kept
}

// weights returns the values by which columns are chosen: the sum of the results of each column, or the function
// of the where option.
func (s *chart) weights() map[string]float64 {
	of := spl.Agg{Func: "sum"}
	if w := s.spec.Where; w != nil {
		of = spl.AggregateOf(w.Func)
	}
	columns := map[string]accumulator{}
	for _, g := range s.groups.order {
		if g.slots[0].one == nil {
			continue
		}
		name := g.values[len(g.values)-1].String()
		if columns[name] == nil {
			columns[name] = newAccumulator(of)
		}
		columns[name].add(s.rate(s.spec.Aggs[0], g.values[0], g.slots[0].one.result()), 0)
	}
	out := map[string]float64{}
	for name, a := range columns {
		out[name], _ = a.result().Float()
	}
	return out
}

// rate converts a result to a rate: per_hour and similar functions divide the sum by the interval length.
func (s *chart) rate(a spl.Agg, over, v Value) Value {
	seconds, rate := spl.Rate(a.Func)
	from, _ := over.Float()
	t, ok := moment(from, s.run.loc)
	x, isNumber := v.Float()
	if !rate || !ok || !isNumber {
		return v
	}
	return finite(x * seconds / (Epoch(spl.Step(t, s.step())) - from))
}

// rows passes the rows on in order; a timechart has no gaps.
func (s *chart) rows(order []Value, cells map[cell]*group, columns map[string]bool) error {
	emit := func(over Value) error {
		row := Row{}
		if s.spec.Over != nil {
			row.set(s.spec.Over.Text, over)
		}
		for column := range columns {
			if g := cells[cell{over.String(), column}]; g != nil {
				results := Row{}
				s.groups.results(g, results)
				for _, a := range s.spec.Aggs {
					results.set(a.As, s.rate(a, over, results[a.As]))
				}
				for name, v := range results {
					row.set(s.column(name, column), v)
				}
			}
		}
		s.zeros(row, columns)
		return s.next.row(row)
	}
	if s.spec.Time && !s.spec.Gaps {
		return s.steps(order, emit)
	}
	for _, over := range order {
		if err := s.run.alive(); err != nil {
			return err
		}
		if err := emit(over); err != nil {
			return err
		}
	}
	return nil
}

// maxSteps is the maximum number of intervals of a timechart.
const maxSteps = 50000

// steps passes on a row for each interval, also for intervals without events.
func (s *chart) steps(order []Value, emit func(Value) error) error {
	if len(order) == 0 {
		return nil
	}
	step := s.step()
	at, _ := order[0].Float()
	last, _ := order[len(order)-1].Float()
	if w := s.run.span; !s.spec.Loose && !w.Earliest.IsZero() && !w.Latest.IsZero() {
		at = min(at, s.run.floorTime(Epoch(w.Earliest), step))
		last = max(last, s.run.floorTime(Epoch(w.Latest)-1e-6, step))
	}
	for range maxSteps {
		if err := s.run.alive(); err != nil {
			return err
		}
		if err := emit(Number(at)); err != nil {
			return err
		}
		if at >= last {
			break
		}
		t, _ := moment(at, s.run.loc)
		at = Epoch(spl.Step(t, step))
	}
	return nil
}

// zeros sets missing counts to 0.
func (s *chart) zeros(row Row, columns map[string]bool) {
	for _, a := range s.spec.Aggs {
		if a.Func != "count" && a.Func != "dc" {
			continue
		}
		if s.spec.By == nil {
			fillOne(row, a.As, Number(0))
		}
		for value := range columns {
			if s.spec.By != nil {
				fillOne(row, s.column(a.As, value), Number(0))
			}
		}
	}
}

// column returns the name of the column for an aggregation and a value of the split-by field.
func (s *chart) column(as, value string) string {
	switch {
	case s.spec.By == nil:
		return as
	case len(s.spec.Aggs) == 1:
		return value
	}
	return columnName(s.spec.Columns, as, value)
}

// columnName joins a function and a value to the name of a column.
func columnName(c spl.Columns, as, value string) string {
	if c.Format != "" {
		return strings.NewReplacer("$AGG$", as, "$agg$", as, "$VAL$", value, "$val$", value).Replace(c.Format)
	}
	return as + c.Sep + value
}
