package sigma

import (
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/diag/yamltree"
)

// Options are what the meaning of a detection depends on beside its text.
type Options struct {
	// Placeholders are the values of names such as %Admins%.
	Placeholders map[string][]string
	// Section is the name of the section in messages, Reserved are its keys that are no search identifiers.
	Section  string
	Reserved []string
}

// reserved are the keys of a detection section that are no search identifiers.
var reserved = []string{"condition", "timeframe"}

type parser struct {
	Options
	file  diag.Text
	diags diag.List
}

// Parse reads a section with search identifiers and a condition. The detection is nil when a
// diagnostic is an error.
func Parse(file diag.Text, section *yamltree.Node, o Options) (*Detection, diag.List) {
	p := &parser{Options: o, file: file}
	if section.Kind != yamltree.Map {
		p.fail(section, CodeSyntax, "%s is not a map of search identifiers", o.Section)
		return nil, p.diags
	}
	d := &Detection{file: file}
	for _, m := range section.Members {
		if name := m.Key.Value; !p.isReserved(name) {
			if what := p.search(m.Value, "the search identifier "+name); what != nil {
				d.selections = append(d.selections, &selection{name: name, node: m.Key.Bare(), what: what})
			}
		}
	}
	whole := section.Get("condition")
	if len(d.selections) == 0 && !p.diags.HasErrors() {
		p.fail(section, CodeSyntax, "%s has no search identifier", o.Section)
	}
	if whole == nil || whole.Kind == yamltree.Null {
		p.fail(section, CodeCondition, "%s has no condition", o.Section)
	}
	if p.diags.HasErrors() {
		return nil, p.diags
	}
	p.conditions(d, whole, section.Get("timeframe"))
	if p.diags.HasErrors() {
		return nil, p.diags
	}
	for _, s := range d.selections {
		if !s.used {
			p.lint(s.node, "the condition does not use %s", s.name)
		}
	}
	return d, p.diags
}

func (p *parser) isReserved(name string) bool {
	return slices.Contains(p.Reserved, name) || slices.Contains(reserved, name)
}

func (p *parser) fail(n *yamltree.Node, code, format string, args ...any) {
	p.diags = append(p.diags, n.Report(p.file, diag.Error, code, format, args...))
}

func (p *parser) warn(n *yamltree.Node, format string, args ...any) {
	p.diags = append(p.diags, n.Report(p.file, diag.Warning, CodeLint, format, args...))
}

func (p *parser) lint(n *yamltree.Node, format string, args ...any) {
	p.diags = append(p.diags, n.Report(p.file, diag.Note, CodeLint, format, args...))
}

// search reads what a search identifier stands for; nil when it is in error.
func (p *parser) search(n *yamltree.Node, what string) expr {
	switch n.Kind {
	case yamltree.Map:
		if len(n.Members) == 0 {
			p.fail(n, CodeSyntax, "%s is an empty map", what)
			return nil
		}
		all := make(allOf, 0, len(n.Members))
		for _, m := range n.Members {
			if i := p.item(m.Key, m.Value); i != nil {
				all = append(all, i)
			}
		}
		return all
	case yamltree.List:
		return p.list(n, what)
	case yamltree.Null:
		p.fail(n, CodeSyntax, "%s is empty", what)
		return nil
	default:
		return p.keywords(n, []*yamltree.Node{n})
	}
}

// list reads a list: keywords, or detections of which one has to hold.
func (p *parser) list(n *yamltree.Node, what string) expr {
	if len(n.Items) == 0 {
		p.fail(n, CodeSyntax, "%s is an empty list", what)
		return nil
	}
	var words []*yamltree.Node
	for _, item := range n.Items {
		if item.IsScalar() {
			words = append(words, item)
		}
	}
	if len(words) == len(n.Items) {
		return p.keywords(n, words)
	}
	out := make(anyOf, 0, len(n.Items))
	for _, item := range n.Items {
		if x := p.search(item, "an element of "+what); x != nil {
			out = append(out, x)
		}
	}
	return out
}

// keywords are texts that stand anywhere in an event.
func (p *parser) keywords(n *yamltree.Node, words []*yamltree.Node) expr {
	return p.made(&item{node: n.Bare()}, nil, words)
}

// item reads a key with its modifiers and its values.
func (p *parser) item(key, values *yamltree.Node) expr {
	field, chain, modified := strings.Cut(key.Value, "|")
	i := &item{field: field, node: key.Bare()}
	var modifiers []string
	if modified {
		modifiers = strings.Split(chain, "|")
	}
	list := []*yamltree.Node{values}
	if values.Kind == yamltree.List {
		list = values.Items
		if len(list) == 0 {
			p.warn(values, "an empty list of values is read as null: the field has to be missing")
			list = []*yamltree.Node{{}}
		}
	}
	for _, v := range list {
		if !v.IsScalar() {
			p.fail(v, CodeSyntax, "a value of %s is no text, number or other simple value", key.Value)
			return nil
		}
	}
	return p.made(i, modifiers, list)
}

// made completes an item with what its modifiers make of its values.
func (p *parser) made(i *item, modifiers []string, nodes []*yamltree.Node) expr {
	before := len(p.diags)
	c, ok := p.chain(i, modifiers)
	if !ok {
		return nil
	}
	if i.all && len(nodes) == 1 {
		p.lint(i.node, "all has no meaning with a single value")
	}
	for _, n := range nodes {
		if alternatives := p.values(i, c, n); alternatives != nil {
			i.values = append(i.values, alternatives)
		}
	}
	if p.diags[before:].HasErrors() {
		return nil
	}
	p.lintValues(i, c, nodes)
	return i
}
