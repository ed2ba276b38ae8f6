package splunk

import (
	"context"
	"slices"

	"tocsin/internal/translate/spl"
)

// Grouper is a Source that can aggregate events without returning them.
type Grouper interface {
	// Groups passes on the groups of a scan: each group once with its count and times, and once more for each
	// value of an aggregated field. It returns false, before it passes anything on, if the events must be read
	// instead; the results are the same either way.
	Groups(ctx context.Context, s Scan, g Grouping, visit func(Part) error) (bool, error)
}

// Grouping describes the groups to compute.
type Grouping struct {
	// By are the fields that define a group. An event without one of the fields is in no group; an event with
	// several values is in several groups.
	By []string
	// Missing requests groups for events without a field, with null as its value.
	Missing bool
	// Times requests the first and last time of each group.
	Times bool
	// Fields are the fields whose distinct values are requested.
	Fields []string
}

// Part is one part of the result for a group.
type Part struct {
	By []Value
	// Field is the index in Fields of the field of Value; -1 for count and times.
	Field       int
	Value       Value
	Count       float64
	First, Last float64
}

// counted is the first part of a search, which can be computed by counting groups.
type counted struct {
	Grouping

	scan Scan
	// name maps a field to the event's field name, fill replaces a missing value of By.
	name namer
	fill func(field string) (Value, bool)
	// usual is the value that a data model gives to a missing field.
	usual func(field string) Value
	aggs  []spl.Agg
	by    []spl.Name
	// command is its name in messages, stages is the number of commands that it replaces.
	command string
	stages  int
}

// Groups returns the grouping at the start of a search, if counts, times and distinct values are enough to compute
// it: a stats directly after the search for events, or a tstats.
func Groups(s *spl.Search) (Grouping, bool) {
	c, ok := countable(s)
	return c.Grouping, ok
}

func countable(s *spl.Search) (counted, bool) {
	c := counted{name: same, usual: func(string) Value { return Null }}
	scan, known := First(s)
	if t, err := within(condition1(s), Window{}); !known || err != nil || !t.whole {
		return c, false // Counting supports only the time range of the whole search.
	}
	c.scan = scan
	switch first := s.Stages[0].(type) {
	case *spl.Tstats:
		if first.Span != nil || first.Prestats {
			return c, false
		}
		c.name, c.aggs, c.by, c.command, c.stages = undataset(first.Model, first.Dataset), first.Aggs, first.By, first.Command(), 1
		c.Missing = true
		c.usual = func(field string) Value {
			v, _ := Completed(first.Model, first.Dataset, field)
			return v
		}
		if first.Fill != nil {
			c.fill = func(string) (Value, bool) { return Text(*first.Fill), true }
		}
	case *spl.Find:
		if len(s.Stages) < 2 {
			return c, false
		}
		stats, ok := s.Stages[1].(*spl.Aggregate)
		if !ok || stats.Kind != spl.Stats {
			return c, false
		}
		c.aggs, c.by, c.command, c.stages = stats.Aggs, stats.By, stats.Command(), 2
	default:
		return c, false
	}
	return c, len(c.by) > 0 && c.bind()
}

// bind assigns aggregations to fields; false if groups are not enough for one.
func (c *counted) bind() bool {
	for _, n := range c.by {
		if !plainName(c.name(n.Text)) {
			return false
		}
		c.By = append(c.By, c.name(n.Text))
	}
	for _, a := range c.aggs {
		field := ""
		if a.Field != nil {
			field = c.name(a.Field.Text)
		}
		switch {
		case a.X != nil || a.Field == nil && a.Func != "count":
			return false
		case a.Field == nil:
		case field == "_time" && (a.Func == "min" || a.Func == "max"):
			c.Times = true
		case slices.Contains([]string{"min", "max", "dc", "values"}, a.Func) && plainName(field):
			if !slices.Contains(c.Fields, field) {
				c.Fields = append(c.Fields, field)
			}
		default:
			return false
		}
	}
	return true
}

// plainName reports whether a name is a single field of the event itself.
func plainName(name string) bool {
	return name != "" && name[0] != '_' && !slices.Contains([]byte(name), '*')
}

// grouped computes the first commands by counting; false if that is not possible.
func (r *run) grouped(s *spl.Search, out stage) (bool, error) {
	source, can := r.source.(Grouper)
	c, fits := countable(s)
	if !can || !fits {
		return false, nil
	}
	g := newGrouping(r.account(c.command), c.aggs, c.by, c.name)
	c.scan.Window = Within(s, r.window)
	done, err := source.Groups(r.ctx, c.scan, c.Grouping, func(p Part) error {
		if err := r.alive(); err != nil {
			return err
		}
		return g.merge(p, c)
	})
	if !done || err != nil {
		return done, err
	}
	chain, err := r.chain(s.Stages[c.stages:], out)
	if err != nil {
		return true, err
	}
	return true, (&link{stage: &stats{chain, g}, next: chain}).end()
}

// complete replaces missing values; false if the event is then in no group.
func (c counted) complete(by []Value) bool {
	for i, v := range by {
		if v.IsNull() || v.kind == text && v.text == "" {
			if usual := c.usual(c.By[i]); !usual.IsNull() {
				by[i] = usual
				continue
			}
		}
		if v.IsNull() && c.fill != nil {
			by[i], _ = c.fill(c.By[i])
		}
		if by[i].IsNull() {
			return false
		}
	}
	return true
}

// merge adds a part to its group. A value whose group was not counted was indexed between the two requests.
func (g *grouping) merge(p Part, c counted) error {
	if !c.complete(p.By) {
		return nil
	}
	if p.Field >= 0 && (p.Value.IsNull() || p.Value.kind == text && p.Value.text == "") {
		if usual := c.usual(c.Fields[p.Field]); !usual.IsNull() {
			p.Value = usual
		}
		if p.Value.IsNull() {
			return nil
		}
	}
	known := len(g.order)
	one, err := g.group(p.By)
	if err != nil {
		return err
	}
	if p.Field >= 0 && len(g.order) > known {
		g.order = g.order[:known]
		delete(g.groups, string(g.key))
		return nil
	}
	held := 0
	for i, a := range g.aggs {
		to := one.slots[i].one
		switch {
		case p.Field >= 0:
			if a.Field != nil && c.name(a.Field.Text) == c.Fields[p.Field] {
				held += to.add(p.Value, 0)
			}
		case a.Field == nil:
			if n, ok := to.(*counter); ok {
				n.n += p.Count
			}
		case c.name(a.Field.Text) != "_time":
		case a.Func == "min":
			held += to.add(Number(p.First), p.First)
		default:
			held += to.add(Number(p.Last), p.Last)
		}
	}
	if held == 0 {
		return nil
	}
	return g.account.hold(held)
}
