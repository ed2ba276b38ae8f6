package sigma

import (
	"slices"

	"tocsin/internal/diag"
	"tocsin/internal/diag/yamltree"
	"tocsin/internal/translate/sigma"
)

// Filter is a condition that events of other rules have to meet besides.
type Filter struct {
	Head
	LogSource LogSource
	// Rules are ids and names; empty: all rules of the log source.
	Rules     []string
	Detection *sigma.Detection
	Diags     diag.List

	// meets tells that a rule is filtered.
	meets bool
}

// readFilter reads a filter.
func readFilter(o *object, options sigma.Options) *Filter {
	f := &Filter{Head: readHead(o)}
	f.LogSource = o.logSource()
	n := o.get("filter")
	if n == nil || n.Kind != yamltree.Map {
		o.fail(o.key("filter"), CodeSyntax, "filter is not a map")
		return f
	}
	section := newObject(o.file, n, "filter", o.diags)
	rules := n.Get("rules")
	if rules == nil {
		o.fail(n, CodeMissing, "the filter has no rules: any is all of its log source")
	}
	f.Rules = slices.DeleteFunc(section.texts("rules"), func(name string) bool { return name == "any" })
	options.Section, options.Reserved = "filter", []string{"rules"}
	var diags diag.List
	f.Detection, diags = sigma.Parse(o.file, n, options)
	*o.diags = append(*o.diags, diags...)
	if f.Detection != nil && !f.Detection.Negates() {
		o.report(n.Get("condition"), diag.Warning, CodeLint,
			"events have to meet the condition of a filter: this one lets only those through that match it. To leave those out, write not before it")
	}
	f.Custom = o.custom()
	return f
}

// applies reports whether a filter is meant for a rule: named, and no narrower than the rule's log source.
func (f *Filter) applies(r *Rule) bool {
	if len(f.Rules) > 0 && !slices.Contains(f.Rules, r.ID) && (r.Name == "" || !slices.Contains(f.Rules, r.Name)) {
		return false
	}
	within := func(filter, rule string) bool { return filter == "" || filter == rule }
	s, of := f.LogSource, r.LogSource
	return within(s.Category, of.Category) && within(s.Product, of.Product) && within(s.Service, of.Service)
}
