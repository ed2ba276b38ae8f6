package sigma

import (
	"slices"
	"strings"

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

// Condition is what a rule and its filters ask of an event; it implements [tocsin/internal/translate.Condition].
type Condition struct {
	rule   *Rule
	naming Naming
}

// Condition returns what the rule asks of an event.
func (r *Rule) Condition(naming Naming) *Condition { return &Condition{r, naming} }

// String is the detection as it is written, with the names of the filters.
func (c *Condition) String() string {
	var b strings.Builder
	b.WriteString(c.rule.query().Value)
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

// Fitted says of each field where its values are compared under a mapping, and why.
func (c *Condition) Fitted(fields mapping.Fields) []string {
	var out []string
	for _, d := range c.detections() {
		out = append(out, d.Fitted(sigma.Lowering{Fields: fields, Named: c.naming.Fields})...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// HoldsOfNothing reports whether the rule is true of an event that has none of its fields: where its log source
// is not mapped, it would be true of events that it is not about.
func (c *Condition) HoldsOfNothing() bool {
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
