package sigma

import (
	"slices"

	"tocsin/internal/diag"
	"tocsin/internal/diag/yamltree"
)

// Expression is a condition over rules, as the temporal types of correlations have it. Its grammar is that of the condition
// of a detection.
type Expression struct {
	x expr
	// rules has the number of each rule by its names.
	rules map[string]int
}

// ParseExpression reads a condition over rules, each of which may have several names. It is nil when a diagnostic is an
// error.
func ParseExpression(file diag.Text, n *yamltree.Node, rules [][]string) (*Expression, diag.List) {
	p := &parser{Options: Options{Section: "the correlation"}, file: file}
	d := &Detection{file: file}
	e := &Expression{rules: map[string]int{}}
	for i, names := range rules {
		for _, name := range names {
			d.selections = append(d.selections, &selection{name: name, node: n})
			e.rules[name] = i
		}
	}
	c := conditionParser{parser: p, node: n, detection: d, noun: "rule"}
	c.scan()
	e.x = c.parse()
	if p.diags.HasErrors() {
		return nil, p.diags
	}
	used := make([]bool, len(rules))
	for _, s := range d.selections {
		used[e.rules[s.name]] = used[e.rules[s.name]] || s.used
	}
	for i, is := range used {
		if !is {
			p.lint(n, "the condition does not use the rule %s", rules[i][0])
		}
	}
	return e, p.diags
}

// Holds reports whether the condition holds when those rules matched for which matched is true.
func (e *Expression) Holds(matched []bool) bool {
	var holds func(expr) bool
	holds = func(x expr) bool {
		switch x := x.(type) {
		case allOf:
			return !slices.ContainsFunc(x, func(x expr) bool { return !holds(x) })
		case anyOf:
			return slices.ContainsFunc(x, holds)
		case negation:
			return !holds(x.x)
		case *selection:
			return matched[e.rules[x.name]]
		}
		return false
	}
	return holds(e.x)
}
