package sigma

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/diag/yamltree"
	"tocsin/internal/match/correlation"
	"tocsin/internal/translate/sigma"
)

// Correlation counts or orders what other rules find.
type Correlation struct {
	Head
	Type correlation.Type
	// Rules are those that it is about, each once.
	Rules []Reference
	// GroupBy are the fields of which all have equal values in a group; none is one group of all.
	GroupBy []string
	Span    time.Duration
	// Compare are the bounds of what is counted, Expr the condition of a temporal type that has an expression.
	Compare []correlation.Comparison
	Expr    *sigma.Expression
	// Fields are the fields whose values are counted; several are counted as one value.
	Fields     []string
	Percentile *big.Rat
	// Generate: the rules that it is about alert by themselves too.
	Generate bool
	Schedule Schedule
	Diags    diag.List

	aliases []alias
	// condition is the expression of a temporal type, until the rules are known; nil if there is none.
	condition *yamltree.Node
	// spanAt is where the timespan stands.
	spanAt *yamltree.Node
}

// Reference is a rule that a correlation is about: one of both, nil until it is found.
type Reference struct {
	// Name is the id or the name that the correlation calls it by.
	Name        string
	Rule        *Rule
	Correlation *Correlation

	node *yamltree.Node
}

// alias is a name for fields that are called differently in the rules.
type alias struct {
	name string
	// fields are the names by those of the rules.
	fields []aliasField
}

type aliasField struct {
	rule, field string
	node        *yamltree.Node
}

// readCorrelation reads a correlation as far as it is known without the rules that it is about.
func readCorrelation(o *object) *Correlation {
	c := &Correlation{Head: readHead(o), Schedule: o.schedule()}
	c.Custom = o.custom("correlation")
	n := o.get("correlation")
	c.section = sectionOf(o.file, o.node, "correlation")
	if n == nil || n.Kind != yamltree.Map {
		o.fail(o.key("correlation"), CodeSyntax, "correlation is not a map")
		return c
	}
	s := newObject(o.file, n, "correlation", o.diags)
	words := make([]string, len(correlation.Types))
	for i, t := range correlation.Types {
		words[i] = string(t)
	}
	if c.Type = correlation.Type(s.word("type", words...)); c.Type == "" {
		o.fail(n, CodeMissing, "the correlation has no type")
	}
	c.readRules(s)
	c.GroupBy = unique(s.texts("group-by"))
	c.readSpan(s)
	c.readAliases(s)
	switch text := s.text("generate"); strings.ToLower(text) {
	case "true":
		c.Generate = true
	case "false", "":
	default:
		o.fail(s.get("generate"), CodeValue, "generate is true or false, not %s", text)
	}
	c.readCondition(s)
	s.custom()
	if c.ID == "" && c.Title != "" {
		c.ID = derivedID(c.Title, LogSource{Category: "correlation"})
		o.report(o.key("title"), diag.Warning, CodeMissing, "the rule has no id: alerts are known by %s, which another title changes", c.ID)
	}
	return c
}

func unique(texts []string) []string {
	var out []string
	for _, t := range texts {
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

func (c *Correlation) readRules(s *object) {
	n := s.get("rules")
	names := s.texts("rules")
	if len(names) == 0 {
		s.fail(s.node, CodeMissing, "the correlation has no rules")
		return
	}
	for i, name := range names {
		at := n
		if n.Kind == yamltree.List && i < len(n.Items) {
			at = n.Items[i]
		}
		if slices.ContainsFunc(c.Rules, func(r Reference) bool { return r.Name == name }) {
			s.report(at, diag.Warning, CodeLint, "the rule %s is named twice, and counts once", name)
			continue
		}
		c.Rules = append(c.Rules, Reference{Name: name, node: at})
	}
}

// spans are the units of a timespan, in seconds; months and years are those of the mean.
var spans = map[byte]int64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 7 * 86400, 'M': 2_629_746, 'y': 31_556_952}

func (c *Correlation) readSpan(s *object) {
	text := s.text("timespan")
	if c.spanAt = s.get("timespan"); text == "" {
		s.fail(s.node, CodeMissing, "the correlation has no timespan")
		return
	}
	unit := spans[text[len(text)-1]]
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 32)
	switch {
	case unit == 0 || err != nil:
		s.fail(c.spanAt, CodeValue, "the timespan %q is no number with a unit of s, m, h, d, w, M and y, such as 5m", text)
	case n == 0:
		s.fail(c.spanAt, CodeValue, "a timespan of 0 has no window")
	case int64(n) > math.MaxInt64/unit/int64(time.Second):
		s.fail(c.spanAt, CodeValue, "the timespan %s is too long", text)
	default:
		c.Span = time.Duration(n) * time.Duration(unit) * time.Second
	}
}

func (c *Correlation) readAliases(s *object) {
	n := s.get("aliases")
	switch {
	case n == nil:
		return
	case n.Kind != yamltree.Map:
		s.fail(n, CodeSyntax, "aliases is not a map of names")
		return
	}
	for _, m := range n.Members {
		a := alias{name: m.Key.Value}
		if m.Value.Kind != yamltree.Map {
			s.fail(m.Value, CodeSyntax, "the alias %s is not a map of rules and their fields", a.name)
			continue
		}
		for _, of := range m.Value.Members {
			if !of.Value.IsScalar() || of.Value.Kind == yamltree.Null {
				s.fail(of.Value, CodeSyntax, "the field of the rule %s is not a text", of.Key.Value)
				continue
			}
			a.fields = append(a.fields, aliasField{of.Key.Value, of.Value.Value, of.Key})
		}
		c.aliases = append(c.aliases, a)
	}
}

// readCondition reads bounds, or leaves an expression for later.
func (c *Correlation) readCondition(s *object) {
	n := s.get("condition")
	switch {
	case n == nil && c.Type.IsTemporal():
		c.Compare = []correlation.Comparison{{Op: "gte", Value: big.NewRat(int64(len(c.Rules)), 1)}}
	case n == nil:
		s.fail(s.node, CodeMissing, "the correlation has no condition")
	case n.Kind == yamltree.Map:
		c.readBounds(newObject(s.file, n, "condition", s.diags))
	case !n.IsScalar():
		s.fail(n, CodeSyntax, "the condition is neither a map of bounds nor an expression")
	case !c.Type.IsTemporal():
		s.fail(n, CodeSyntax, "only the types temporal and temporal_ordered have an expression as condition: write bounds, such as gte: 10")
	default:
		c.condition = n
	}
}

func (c *Correlation) readBounds(o *object) {
	for _, op := range correlation.Operators {
		text := o.text(op)
		if text == "" {
			continue
		}
		value, ok := correlation.Number(text)
		if !ok {
			o.fail(o.get(op), CodeValue, "the bound %q of %s is not a number", text, op)
			continue
		}
		c.Compare = append(c.Compare, correlation.Comparison{Op: op, Value: value})
		if op != "gt" && op != "gte" {
			o.report(o.key(op), diag.Note, CodeLint, "%s is judged whenever an event ends a window: a group without any event is none, so nothing is said of it", op)
		}
	}
	for _, m := range o.node.Members {
		if k := m.Key.Value; k != "field" && k != "percentile" && !slices.Contains(correlation.Operators, k) {
			o.fail(m.Key, CodeUnknownKey, "unknown operator %s of a condition: it is none of %v%s", k, correlation.Operators, near(k, correlation.Operators))
		}
	}
	if len(c.Compare) == 0 && !o.diags.HasErrors() {
		o.fail(o.node, CodeMissing, "the condition has no bound, such as gte: 10")
	}
	c.readCounted(o)
}

// readCounted reads what is counted.
func (c *Correlation) readCounted(o *object) {
	c.Fields = unique(o.texts("field"))
	counts := c.Type == correlation.ValueCount || c.Type.IsNumeric()
	switch {
	case counts && len(c.Fields) == 0:
		o.fail(o.node, CodeMissing, "the condition of %s has no field whose values are counted", c.Type)
	case c.Type.IsNumeric() && len(c.Fields) > 1:
		o.fail(o.get("field"), CodeValue, "%s takes the numbers of one field", c.Type)
	case !counts && len(c.Fields) > 0:
		o.report(o.key("field"), diag.Warning, CodeLint, "%s counts no values: its field has no effect", c.Type)
		c.Fields = nil
	}
	text := o.text("percentile")
	switch p, ok := correlation.Number(text); {
	case c.Type != correlation.ValuePercentile && text != "":
		o.report(o.key("percentile"), diag.Warning, CodeLint, "%s has no percentile: it has no effect", c.Type)
	case c.Type != correlation.ValuePercentile:
	case text == "":
		o.fail(o.node, CodeMissing, "the condition has no percentile, such as percentile: 95")
	case !ok || p.Sign() < 0 || p.Cmp(big.NewRat(100, 1)) > 0:
		o.fail(o.get("percentile"), CodeValue, "the percentile %q is no number from 0 to 100", text)
	default:
		c.Percentile = p
	}
}

func near(word string, words []string) string {
	if n := diag.Nearest(word, words); n != "" {
		return ": did you mean " + n + "?"
	}
	return ""
}
