// Package sigmagen makes events near rules of Sigma: events with the values that a rule looks for, and events that differ
// from these in a little. It reads rules by itself and knows nothing of how they are translated, so that events show where
// translations of a rule differ. It decides nothing: which of the events a rule finds is for others to say.
package sigmagen

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/diag/yamltree"
)

// Rule is what a rule looks for.
type Rule struct {
	selections []selection
	conditions string
}

// selection is a search identifier: one of several lists of items.
type selection struct {
	name         string
	alternatives [][]item
	// negated: the condition mentions it behind a not.
	negated bool
}

// item is a field with its modifiers and values; "" is a keyword.
type item struct {
	field  string
	mods   []string
	values []*yamltree.Node
}

func (i item) has(mod string) bool { return slices.Contains(i.mods, mod) }

// Parse reads the first rule of a file.
func Parse(text string) (*Rule, error) {
	docs, diags := yamltree.Parse(diag.NewText("rule", text), "sigmagen")
	if diags.HasErrors() {
		return nil, fmt.Errorf("a rule of Sigma: %w", diags.Err())
	}
	for _, doc := range docs {
		if doc == nil || doc.Get("detection") == nil {
			continue
		}
		r := &Rule{}
		for _, m := range doc.Get("detection").Members {
			if m.Key.Value == "condition" {
				r.conditions = conditionText(m.Value)
				continue
			}
			r.selections = append(r.selections, selection{name: m.Key.Value, alternatives: alternatives(m.Value)})
		}
		r.markNegated()
		return r, nil
	}
	return nil, fmt.Errorf("a rule of Sigma: the file has no detection")
}

func conditionText(n *yamltree.Node) string {
	if n.Kind != yamltree.List {
		return n.Value
	}
	var all []string
	for _, one := range n.Items {
		all = append(all, "("+one.Value+")")
	}
	return strings.Join(all, " or ")
}

// alternatives are the lists of items that a selection's value has.
func alternatives(n *yamltree.Node) [][]item {
	switch n.Kind {
	case yamltree.Map:
		var all []item
		for _, m := range n.Members {
			field, mods, _ := strings.Cut(m.Key.Value, "|")
			i := item{field: field, values: []*yamltree.Node{m.Value}}
			if mods != "" {
				i.mods = strings.Split(mods, "|")
			}
			if m.Value.Kind == yamltree.List {
				i.values = m.Value.Items
			}
			all = append(all, i)
		}
		return [][]item{all}
	case yamltree.List:
		var out [][]item
		for _, one := range n.Items {
			out = append(out, alternatives(one)...)
		}
		return out
	default:
		return [][]item{{{values: []*yamltree.Node{n}}}}
	}
}

var (
	negations = regexp.MustCompile(`(?i)\bnot\s+(?:(?:1|any|all)\s+of\s+)?([\w*-]+)`)
	brackets  = regexp.MustCompile(`(?i)\bnot\s*\(([^()]*(?:\([^()]*\)[^()]*)*)\)`)
	words     = regexp.MustCompile(`[\w*-]+`)
)

// markNegated finds the selections that the condition mentions behind a not, as far as a look at its text tells.
func (r *Rule) markNegated() {
	var patterns []string
	for _, m := range negations.FindAllStringSubmatch(r.conditions, -1) {
		patterns = append(patterns, m[1])
	}
	for _, m := range brackets.FindAllStringSubmatch(r.conditions, -1) {
		patterns = append(patterns, words.FindAllString(m[1], -1)...)
	}
	for i, s := range r.selections {
		r.selections[i].negated = slices.ContainsFunc(patterns, func(p string) bool {
			re := "^" + strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, ".*") + "$"
			return regexp.MustCompile(re).MatchString(s.name)
		})
	}
}

// Fields are the names that the rule has tests of, each once, in order.
func (r *Rule) Fields() []string { return r.fields(func(item) bool { return true }) }

// Addresses are those that it compares with networks.
func (r *Rule) Addresses() []string { return r.fields(func(i item) bool { return i.has("cidr") }) }

// Keywords reports whether it looks for words in any field.
func (r *Rule) Keywords() bool {
	for _, s := range r.selections {
		for _, items := range s.alternatives {
			if slices.ContainsFunc(items, func(i item) bool { return i.field == "" }) {
				return true
			}
		}
	}
	return false
}

// Modifiers are those that the rule uses, each once.
func (r *Rule) Modifiers() []string {
	var out []string
	for _, s := range r.selections {
		for _, items := range s.alternatives {
			for _, i := range items {
				out = append(out, i.mods...)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (r *Rule) fields(of func(item) bool) []string {
	var out []string
	for _, s := range r.selections {
		for _, items := range s.alternatives {
			for _, i := range items {
				if i.field != "" && of(i) && !slices.Contains(out, i.field) {
					out = append(out, i.field)
				}
			}
		}
	}
	return out
}
