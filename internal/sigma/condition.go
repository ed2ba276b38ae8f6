package sigma

import (
	"slices"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/translate/sigma"
)

// Naming says what the names of a log source are where the events are. The zero value leaves names as
// they are, and asks nothing more of events.
type Naming struct {
	// Fields returns the fields that a name stands for.
	Fields func(name string) []string
	// More are the fields of Where, which says that an event is of the log source.
	More  []string
	Where func(fields mapping.Fields) (condition.Expr, diag.List)
}

// Condition is what a rule and its filters ask of an event; it implements [translate.Condition].
type Condition struct {
	rule   *Rule
	naming Naming
}

// Condition returns what the rule asks of an event.
func (r *Rule) Condition(naming Naming) *Condition { return &Condition{r, naming} }

// String is the detection as it is written, with the names of the filters.
func (c *Condition) String() string {
	out := c.rule.query().Value
	for _, f := range c.rule.Filters {
		out += "\n# filter: " + f.Title
	}
	return out
}

func (c *Condition) detections() []*sigma.Detection {
	out := []*sigma.Detection{c.rule.Detection}
	for _, f := range c.rule.Filters {
		out = append(out, f.Detection)
	}
	return out
}

// Names are the fields that are asked.
func (c *Condition) Names() []string {
	names := slices.Clone(c.naming.More)
	for _, d := range c.detections() {
		d.Names(func(name string) {
			if c.naming.Fields == nil {
				names = append(names, name)
			} else {
				names = append(names, c.naming.Fields(name)...)
			}
		})
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Lower returns the condition under a mapping: of the rule, of every filter, and of the log source.
func (c *Condition) Lower(fields mapping.Fields) (condition.Expr, diag.List) {
	var all condition.And
	var diags diag.List
	if c.naming.Where != nil {
		where, more := c.naming.Where(fields)
		if diags = append(diags, more...); where == nil {
			return nil, diags
		}
		all = append(all, where)
	}
	for _, d := range c.detections() {
		e, more := d.Lower(sigma.Lowering{Fields: fields, Named: c.naming.Fields})
		all, diags = append(all, e), append(diags, more...)
	}
	return condition.Simplify(all), diags
}
