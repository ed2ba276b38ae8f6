package sigma

import (
	"slices"
	"strings"
	"sync"

	"tocsin/internal/diag"
	"tocsin/internal/fieldmap"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/translate/membership"
	"tocsin/internal/translate/sigma"
)

// Condition is what a rule and its filters ask of an event; it implements [tocsin/internal/translate.Condition].
type Condition struct {
	rule *Rule
	// events are the ways in which events of the log source are kept; none: names are as they are.
	events []fieldmap.Events

	once      sync.Once
	ofNothing bool
}

// Condition returns what the rule asks of events that are kept in these ways; without any, names are as they are and
// nothing more is asked.
func (r *Rule) Condition(events ...fieldmap.Events) *Condition {
	return &Condition{rule: r, events: events}
}

// String is the detection as it is written, with the names of the filters.
func (c *Condition) String() string {
	var b strings.Builder
	b.WriteString(c.rule.sectionText().Value)
	for _, f := range c.rule.Filters {
		b.WriteString("\n# filter: " + f.Title)
	}
	return b.String()
}

func (c *Condition) detections() []*sigma.Detection {
	out := []*sigma.Detection{c.rule.Detection}
	for _, f := range c.rule.Filters {
		out = append(out, f.Detection)
	}
	return out
}

// Names are the fields that are asked. A star in one stands for any names.
func (c *Condition) Names() []string {
	var names []string
	for _, e := range c.events {
		names = append(names, membership.NamesOf(e)...)
	}
	for _, d := range c.detections() {
		d.Names(func(name string) {
			if len(c.events) == 0 {
				names = append(names, name)
			}
			for _, e := range c.events {
				places, _ := e.Places(name)
				for _, p := range places {
					names = append(names, p.Fields()...)
				}
			}
		})
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// OfNow reports whether a value of the detections, or a condition of the field map, may be date math on now.
func (c *Condition) OfNow() bool {
	return slices.ContainsFunc(c.detections(), (*sigma.Detection).OfNow) || slices.ContainsFunc(c.events, func(e fieldmap.Events) bool {
		return slices.ContainsFunc(e.Where, func(where diag.Text) bool { return condition.NowWithin(where.Value) })
	})
}

// Fitted says of each field where its values are compared under a mapping, and why.
func (c *Condition) Fitted(fields mapping.Fields) []string {
	var out []string
	for _, d := range c.detections() {
		if len(c.events) == 0 {
			out = append(out, d.Fitted(sigma.Lowering{Fields: fields})...)
		}
		for i := range c.events {
			out = append(out, d.Fitted(sigma.Lowering{Fields: fields, Events: &c.events[i]})...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// HoldsOfNothing reports whether the rule is true of an event that has none of its fields: where its log source
// is not mapped, it would be true of events that it is not about.
func (c *Condition) HoldsOfNothing() bool {
	c.once.Do(func() { c.ofNothing = c.holdsOfNothing() })
	return c.ofNothing
}

func (c *Condition) holdsOfNothing() bool {
	var all condition.And
	for _, d := range c.detections() {
		e, _ := d.Lower(sigma.Lowering{Fields: mapping.Table{}})
		all = append(all, e)
	}
	m, err := condition.Compile(condition.Simplify(all), mapping.Table{})
	return err == nil && m.Match(nothing{})
}

// nothing is a document without a value.
type nothing struct{}

func (nothing) Values(mapping.Field) []mapping.Value { return nil }

func (nothing) HasObject(string) bool { return false }

func (nothing) AnyObject(string, func() bool) bool { return false }

// Lower returns the condition under a mapping: of the log source, the rule and every filter, for each way in which events
// are kept. An event that has none of the fields by which log sources are told says nothing of its own: it is taken as it
// is, as that of a log source without a map, if the rule needs one of its fields at all.
func (c *Condition) Lower(fields mapping.Fields) (condition.Expr, diag.List) {
	if len(c.events) == 0 {
		return c.lower(fields, nil)
	}
	var out condition.Or
	var diags diag.List
	for i := range c.events {
		one, more := c.lower(fields, &c.events[i])
		if diags = append(diags, more...); one == nil {
			return nil, diags
		}
		out = append(out, one)
	}
	if told := c.told(); len(told) > 0 && !c.HoldsOfNothing() {
		one, _ := c.lower(fields, nil) // What no index has was said above.
		out = append(out, condition.And{condition.Not{X: told}, one})
	}
	return condition.Simplify(out), diags
}

// told is true of an event that has one of the fields by which log sources are told; nil where events are told by nothing, or
// are nowhere but where the map says.
func (c *Condition) told() condition.Or {
	var names []string
	for _, e := range c.events {
		if len(e.Where) == 0 || e.Only {
			return nil
		}
		names = append(names, membership.NamesOf(e)...)
	}
	slices.Sort(names)
	var out condition.Or
	for _, name := range slices.Compact(names) {
		out = append(out, condition.Exists{Field: name})
	}
	return out
}

func (c *Condition) lower(fields mapping.Fields, e *fieldmap.Events) (condition.Expr, diag.List) {
	var all condition.And
	var diags diag.List
	if e != nil {
		where, more := membership.Of(*e, fields)
		if diags = append(diags, more...); where == nil {
			return nil, diags
		}
		all = append(all, where)
	}
	for _, d := range c.detections() {
		one, more := d.Lower(sigma.Lowering{Fields: fields, Events: e})
		all, diags = append(all, one), append(diags, more...)
	}
	return condition.Simplify(all), diags
}
