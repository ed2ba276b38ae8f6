package spl

import (
	"slices"
	"strings"
)

// Order returns the fields of a search's results in the order in which its commands define them, as far as they
// do.
func Order(s *Search) []string {
	var c columns
	for _, stage := range s.Stages {
		c.take(stage)
	}
	return c
}

type columns []string

// put appends names that are not in the list. The fields that match a pattern are unknown.
func (c *columns) put(names ...string) {
	for _, n := range names {
		if n != "" && !strings.Contains(n, "*") && !slices.Contains(*c, n) {
			*c = append(*c, n)
		}
	}
}

// begin restarts the list: only these names and the names of later commands have an order.
func (c *columns) begin(lists ...[]Name) {
	*c = nil
	for _, list := range lists {
		for _, n := range list {
			c.put(n.Text)
		}
	}
}

func (c *columns) results(aggs []Agg) {
	for _, a := range aggs {
		c.put(a.As)
	}
}

func (c *columns) take(stage Stage) {
	switch stage := stage.(type) {
	case *Table:
		c.begin(stage.Names)
	case *Fields:
		if !stage.Remove {
			c.begin(stage.Names)
		}
	case *Aggregate:
		if stage.Kind == Stats {
			c.begin(stage.By)
		}
		c.results(stage.Aggs)
	case *Tstats:
		c.begin(stage.By)
		c.results(stage.Aggs)
	case *Top:
		c.begin(stage.By, stage.Names)
		c.put(stage.CountAs, stage.ShareAs)
	case *Chart:
		if c.begin(); stage.Over != nil {
			c.put(stage.Over.Text)
		}
		if stage.By == nil {
			c.results(stage.Aggs)
		}
	case *Xyseries:
		c.begin([]Name{stage.X})
	case *Untable:
		c.begin([]Name{stage.X, stage.Name, stage.Value})
	case *Transpose:
		c.begin()
		c.put(stage.Column)
	case *Eval:
		for _, set := range stage.Sets {
			if !set.Computed {
				c.put(set.Field.Text)
			}
		}
	case *Rename:
		for _, pair := range stage.Pairs {
			if i := slices.Index(*c, pair.From.Text); i >= 0 {
				(*c)[i] = pair.To.Text
			}
		}
	case *Lookup:
		for _, o := range stage.Outputs {
			c.put(o.Field.Text)
		}
	}
}
