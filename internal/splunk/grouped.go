package splunk

import (
	"context"
	"slices"

	"tocsin/internal/translate/spl"
)

// Grouper is a Source that can aggregate events where they are, without handing them out.
type Grouper interface {
	// Groups hands out what was found of the groups of a scan, each once for its count and times and once
	// more for each value of an aggregated field. False, before anything is handed out, says that the events
	// have to be read: then and now the results are the same.
	Groups(ctx context.Context, s Scan, g Grouping, visit func(Part) error) (bool, error)
}

// Grouping is what is wanted of groups.
type Grouping struct {
	// By are the fields that make a group. An event that lacks one is in no group, one with several
	// values is in several.
	By []string
	// Times tells that the first and last time of a group are wanted.
	Times bool
	// Fields are those whose different values are wanted.
	Fields []string
}

// Part is something that was found of a group.
type Part struct {
	By []Value
	// Field is the place in Fields of the field that Value is of; -1 for the count and the times.
	Field       int
	Value       Value
	Count       float64
	First, Last float64
}

// Groups returns the grouping that a search begins with, when all that is wanted of it can be told from
// counts, times and different values. Only a stats right behind the search for events is one.
func Groups(s *spl.Search) (Grouping, bool) {
	if len(s.Stages) < 2 {
		return Grouping{}, false
	}
	find, isFind := s.Stages[0].(*spl.Find)
	c, isStats := s.Stages[1].(*spl.Aggregate)
	if !isFind || !isStats || c.Kind != spl.Stats || len(c.By) == 0 || hasSubsearch(find.X) {
		return Grouping{}, false
	}
	var g Grouping
	for _, n := range c.By {
		if n.Text == "_time" || n.Text == "_raw" {
			return Grouping{}, false
		}
		g.By = append(g.By, n.Text)
	}
	for _, a := range c.Aggs {
		switch {
		case a.X != nil:
			return Grouping{}, false
		case a.Field == nil && a.Func == "count":
		case a.Field == nil:
			return Grouping{}, false
		case a.Field.Text == "_time" && (a.Func == "min" || a.Func == "max"):
			g.Times = true
		case slices.Contains([]string{"min", "max", "dc", "values"}, a.Func) && plainName(a.Field.Text):
			if !slices.Contains(g.Fields, a.Field.Text) {
				g.Fields = append(g.Fields, a.Field.Text)
			}
		default:
			return Grouping{}, false
		}
	}
	return g, true
}

// plainName reports whether a name is that of one field of the event itself.
func plainName(name string) bool {
	return name != "" && name[0] != '_' && !slices.Contains([]byte(name), '*')
}

// grouped runs the first two commands where the events are; false when that cannot be.
func (r *run) grouped(s *spl.Search, out stage) (bool, error) {
	source, can := r.source.(Grouper)
	wanted, fits := Groups(s)
	if !can || !fits {
		return false, nil
	}
	find, _ := s.Stages[0].(*spl.Find)
	c, _ := s.Stages[1].(*spl.Aggregate)
	g := newGrouping(r, c.Command(), c.Aggs, c.By, same)
	done, err := source.Groups(r.ctx, Scan{Where: find.X, Window: r.window}, wanted, func(p Part) error {
		if err := r.alive(); err != nil {
			return err
		}
		return g.merge(p, wanted)
	})
	if !done || err != nil {
		return done, err
	}
	chain, err := r.chain(s.Stages[2:], out)
	if err != nil {
		return true, err
	}
	return true, (&stats{chain, g}).end()
}

// merge adds what was found of a group. A value of a group that was not counted came between the two.
func (g *grouping) merge(p Part, wanted Grouping) error {
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
			if a.Field != nil && a.Field.Text == wanted.Fields[p.Field] {
				held += to.add(p.Value, 0)
			}
		case a.Field == nil:
			one.slots[i].one = &counter{n: p.Count}
		case a.Field.Text == "_time" && a.Func == "min":
			held += to.add(Number(p.First), p.First)
		case a.Field.Text == "_time":
			held += to.add(Number(p.Last), p.Last)
		}
	}
	if held == 0 {
		return nil
	}
	return g.run.hold(g.command, held)
}
