package correlating

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"tocsin/internal/match/correlation"
	"tocsin/internal/match/event"
	"tocsin/internal/query"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// Inquire implements [query.Inquirer]: what the groups of the event have in the timespan that comes nearest, and what they
// lack. If an inner correlation keeps the event from the outer one, it is about the inner one.
func (b *bound) Inquire(ctx context.Context, src query.Source, w window.Window, e *event.Event) ([]query.Near, error) {
	x := b.execution(src)
	if err := errors.Join(b.read(ctx, src, w, x), b.partialErr); err != nil {
		return nil, err
	}
	out := x.near(b.plan.root, e.Ref(), b.plan.root.Name)
	if out == nil {
		out = []query.Near{{Text: "the event is in no group: it lacks a value of " + strings.Join(b.plan.root.GroupBy, ", ")}}
	}
	return out, nil
}

// near returns the groups of a node that have the event, or those of its inner nodes.
func (x *execution) near(n *node, of event.Ref, name string) []query.Near {
	var out []query.Near
	for _, g := range x.groups(n) {
		has := func(h correlation.Hit) bool {
			return slices.ContainsFunc(x.events([]correlation.Hit{h}), func(one *hit) bool { return one.ref == of })
		}
		if !slices.ContainsFunc(g.hits, has) {
			continue
		}
		near := query.Near{Group: map[string]string{}}
		for i, field := range n.GroupBy {
			near.Group[field] = g.values[i]
		}
		n.nearest(&near, g.hits, has, name)
		out = append(out, near)
	}
	for _, m := range n.members {
		if out == nil && m.inner != nil {
			out = x.near(m.inner, of, m.name)
		}
	}
	return out
}

// nearest fills in what the timespan with the event has that comes nearest to the condition.
func (n *node) nearest(near *query.Near, hits []correlation.Hit, has func(correlation.Hit) bool, name string) {
	var best *correlation.Completion
	var bestShort *big.Rat
	n.Spec.Windows(hits, func(c correlation.Completion, meets bool) bool {
		if !slices.ContainsFunc(c.Hits, has) {
			return true
		}
		short := n.short(c)
		if meets || best == nil || short.Cmp(bestShort) < 0 {
			near.Reached, best, bestShort = meets, &c, short
		}
		return !meets
	})
	if best == nil {
		near.Text = "the event has no value that is counted"
		return
	}
	matched := make([]bool, len(n.members))
	for _, h := range best.Hits {
		matched[h.Rule] = true
	}
	var there, lacks []string
	for i, m := range n.members {
		if matched[i] {
			there = append(there, m.name)
		} else {
			lacks = append(lacks, m.name)
		}
	}
	from := time.Unix(0, best.Hits[0].At)
	until := time.Unix(0, best.At)
	near.Text = fmt.Sprintf("%s from %s to %s, within the timespan of %s: ", name, search.FormatTime(from), search.FormatTime(until), n.Spec.Span)
	if n.Spec.Expr == nil {
		near.Measures = n.measures(best.Value)
		near.Text += query.Measured(near.Measures)
	}
	if n.Spec.Type.IsTemporal() {
		near.Step, near.Steps = len(there), len(n.members)
		if n.Spec.Expr == nil {
			near.Text += "; "
		}
		near.Text += "matched " + strings.Join(there, ", ")
		if len(lacks) > 0 {
			near.Text += "; not matched " + strings.Join(lacks, ", ")
		} else if !near.Reached && n.Spec.Type == correlation.TemporalOrdered {
			near.Text += ", in another order than the rule has"
		}
	}
}

// counts is what a number of each type counts.
var counts = map[correlation.Type]string{
	correlation.EventCount: "events", correlation.ValueCount: "different values", correlation.Temporal: "rules that matched",
	correlation.TemporalOrdered: "rules that matched in order",
	correlation.ValueSum:        "as the sum", correlation.ValueAvg: "as the average", correlation.ValuePercentile: "as the percentile",
	correlation.ValueMedian: "as the median",
}

// measures compares a number with every bound.
func (n *node) measures(value string) []query.Measure {
	var out []query.Measure
	for _, c := range n.Spec.Compare {
		m := query.Measure{What: counts[n.Spec.Type], Has: value, Needs: c.Op + " " + c.Value.RatString()}
		if x, ok := new(big.Rat).SetString(value); ok && !c.Holds(x) {
			m.Short = distance(c, x).RatString()
		}
		out = append(out, m)
	}
	return out
}

// short is by how much a window misses the bounds together: the number of rules that did not match, if an expression
// decides.
func (n *node) short(c correlation.Completion) *big.Rat {
	sum := new(big.Rat)
	if n.Spec.Expr != nil {
		matched := map[int]bool{}
		for _, h := range c.Hits {
			matched[h.Rule] = true
		}
		return sum.SetInt64(int64(len(n.members) - len(matched)))
	}
	for _, bound := range n.Spec.Compare {
		if x, ok := new(big.Rat).SetString(c.Value); ok && !bound.Holds(x) {
			sum.Add(sum, distance(bound, x))
		}
	}
	return sum
}

// distance is how far a number is from a bound that it misses. Bounds are of whole numbers mostly: a number that must be
// more than the bound, and equals it, misses it by one.
func distance(c correlation.Comparison, x *big.Rat) *big.Rat {
	d := new(big.Rat).Sub(c.Value, x)
	d.Abs(d)
	if c.Op == "gt" || c.Op == "lt" || c.Op == "neq" {
		d.Add(d, big.NewRat(1, 1))
	}
	return d
}
