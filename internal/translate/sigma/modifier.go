package sigma

import (
	"encoding/binary"
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/diag/yamltree"
)

// modifier is a step that a value goes through.
type modifier struct {
	name string
	// first: nothing but all and neq may stand before it. after are those of which one has to stand before it.
	first bool
	after []string
	// field: it needs a field. orders: it compares numbers.
	field, orders bool
	// apply makes one value, or alternatives, of one.
	apply func(p *parser, n *yamltree.Node, v value) []value
}

var parts = []string{"minute", "hour", "day", "week", "month", "year"}

// modifiers are all by name, but for all and neq, which are about the item.
var modifiers = func() map[string]modifier {
	list := []modifier{
		{name: "contains", apply: opened(true, true)},
		{name: "startswith", apply: opened(false, true)},
		{name: "endswith", apply: opened(true, false)},
		{name: "cased", apply: cased},
		{name: "windash", apply: textual("windash", func(t text) []value { t.pattern = t.windash(); return []value{t} })},
		{name: "wide", apply: encoded("wide", func(s string) []string { return []string{utf16Bytes(s, binary.LittleEndian, false)} })},
		{name: "utf16le", apply: encoded("utf16le", func(s string) []string { return []string{utf16Bytes(s, binary.LittleEndian, false)} })},
		{name: "utf16be", apply: encoded("utf16be", func(s string) []string { return []string{utf16Bytes(s, binary.BigEndian, false)} })},
		{name: "utf16", apply: encoded("utf16", func(s string) []string { return []string{utf16Bytes(s, binary.LittleEndian, true)} })},
		{name: "base64", apply: encoded("base64", func(s string) []string { return []string{base64Text(s)} })},
		{name: "base64offset", apply: encoded("base64offset", base64Offsets)},
		{name: "expand", apply: expand},
		{name: "re", first: true},
		{name: "cidr", first: true},
		{name: "fieldref", first: true, field: true},
		{name: "exists", first: true, field: true},
		{name: "gt", field: true, orders: true},
		{name: "gte", field: true, orders: true},
		{name: "lt", field: true, orders: true},
		{name: "lte", field: true, orders: true},
	}
	for short, long := range flags {
		list = append(list, modifier{name: short, after: []string{"re"}}, modifier{name: long, after: []string{"re"}})
	}
	for _, part := range parts {
		list = append(list, modifier{name: part, first: true, field: true})
	}
	out := map[string]modifier{}
	for _, m := range list {
		out[m.name] = m
	}
	return out
}()

// flags are the modifiers of a regular expression, short and long.
var flags = map[string]string{"i": "ignorecase", "m": "multiline", "s": "dotall"}

// chain are the modifiers of an item in order.
type chain []modifier

func (c chain) has(name string) bool {
	return slices.ContainsFunc(c, func(m modifier) bool { return m.name == name })
}

// chain reads modifiers; it is false when one of them is in error.
func (p *parser) chain(i *item, names []string) (chain, bool) {
	var c chain
	for _, name := range names {
		switch name {
		case "all":
			i.all = true
			continue
		case "neq":
			i.neq = true
			continue
		}
		m, known := modifiers[name]
		var before []string
		for _, b := range c {
			before = append(before, b.name)
		}
		switch {
		case !known:
			p.fail(i.node, CodeModifier, "unknown modifier %s%s", name, suggestion(name))
		case m.first && len(c) > 0:
			p.fail(i.node, CodeModifier, "%s has to be the first modifier", name)
		case m.field && i.field == "":
			p.fail(i.node, CodeModifier, "%s needs a field", name)
		case m.orders && len(c) > 0 && (len(c) > 1 || !slices.Contains(parts, before[0])):
			p.fail(i.node, CodeModifier, "%s stands alone, or behind a part of a date", name)
		case c.has("exists"), c.has("cidr"):
			p.fail(i.node, CodeModifier, "nothing but all and neq can follow %s", before[0])
		case m.after != nil && !slices.ContainsFunc(m.after, c.has):
			p.fail(i.node, CodeModifier, "%s is a flag of a regular expression: it has to follow re", name)
		default:
			c = append(c, m)
			continue
		}
		return nil, false
	}
	p.lintChain(i, c)
	return c, true
}

func (p *parser) lintChain(i *item, c chain) {
	based := c.has("base64") || c.has("base64offset")
	for _, wide := range []string{"wide", "utf16", "utf16le", "utf16be"} {
		if c.has(wide) && !based {
			p.lint(i.node, "%s is of no use without base64 or base64offset behind it", wide)
		}
	}
	if c.has("base64offset") && !c.has("contains") && i.field != "" {
		p.lint(i.node, "base64offset without contains compares whole values")
	}
}

func suggestion(name string) string {
	known := []string{"all", "neq"}
	for n := range modifiers {
		known = append(known, n)
	}
	slices.Sort(known)
	if near := diag.Nearest(strings.ToLower(name), known); near != "" {
		return ": did you mean " + near + "?"
	}
	return ""
}

// values takes a value through the modifiers: alternatives, nil after an error.
func (p *parser) values(i *item, c chain, n *yamltree.Node) []value {
	list := p.first(i, c, n)
	for _, m := range c {
		if m.apply == nil && !m.orders {
			continue
		}
		var next []value
		for _, v := range list {
			var made []value
			if m.orders {
				made = p.order(n, v, m.name)
			} else {
				made = m.apply(p, n, v)
			}
			if made == nil {
				return nil
			}
			next = append(next, made...)
		}
		list = next
	}
	if i.field == "" {
		list = anywhere(c, list)
	}
	return list
}

// anywhere lets keywords stand anywhere in a text, unless they say where.
func anywhere(c chain, list []value) []value {
	for k, v := range list {
		if t, ok := v.(text); ok && !c.has("contains") && !c.has("startswith") && !c.has("endswith") {
			t.pattern = t.open(true, true)
			list[k] = t
		}
	}
	return list
}
