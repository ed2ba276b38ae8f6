package sigma

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/diag/yamltree"
)

// first makes of a scalar what the first modifier begins with; nil after an error.
func (p *parser) first(i *item, c chain, n *yamltree.Node) []value {
	leading := ""
	if len(c) > 0 && c[0].first {
		leading = c[0].name
	}
	if n.Kind == yamltree.Null {
		switch {
		case len(c) > 0:
			p.fail(n, CodeValue, "null has no meaning with %s", c[0].name)
			return nil
		case i.field == "":
			p.fail(n, CodeValue, "null is no keyword")
			return nil
		}
		return []value{null{}}
	}
	switch leading {
	case "":
		return []value{text{pattern: readPattern(n.Value)}}
	case "re":
		return p.regex(c, n)
	case "cidr":
		return p.network(n)
	case "exists":
		if n.Value != "true" && n.Value != "false" {
			p.fail(n, CodeValue, "exists takes true or false")
			return nil
		}
		return []value{exists(n.Value == "true")}
	case "fieldref":
		for _, x := range readPattern(n.Value) {
			if x.kind != literal {
				p.fail(n, CodeValue, "the name of a field has no wildcards")
				return nil
			}
		}
		return []value{fieldRef{field: n.Value}}
	}
	num, ok := p.number(n, leading)
	if !ok {
		return nil
	}
	return []value{dated{part: leading, number: num}}
}

// number reads a number that a modifier needs.
func (p *parser) number(n *yamltree.Node, modifier string) (number, bool) {
	x, err := strconv.ParseFloat(n.Value, 64)
	if err != nil || n.Kind != yamltree.Int && n.Kind != yamltree.Float {
		p.fail(n, CodeValue, "%s takes a number, and not %q", modifier, n.Value)
		return number{}, false
	}
	return number{n.Value, x}, true
}

func (p *parser) regex(c chain, n *yamltree.Node) []value {
	var set []string
	for short, long := range flags {
		if c.has(short) || c.has(long) {
			set = append(set, short)
		}
	}
	source := n.Value
	if set != nil {
		slices.Sort(set)
		source = "(?" + strings.Join(set, "") + ")" + source
	}
	re, err := regexp.Compile(source)
	if err != nil {
		p.fail(n, CodeValue, "unsupported regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		return nil
	}
	return []value{regex{source, re}}
}

func (p *parser) network(n *yamltree.Node) []value {
	prefix, err := netip.ParsePrefix(n.Value)
	if addr, addrErr := netip.ParseAddr(n.Value); addrErr == nil {
		prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	switch {
	case err != nil:
		p.fail(n, CodeValue, "%q is no network", n.Value)
	case prefix.Masked() != prefix:
		p.fail(n, CodeValue, "%s has bits beyond its mask: the network is %s", n.Value, prefix.Masked())
	default:
		return []value{network{prefix}}
	}
	return nil
}

// opened is contains, startswith and endswith. A regular expression is found anywhere as it is.
func opened(before, behind bool) func(*parser, *yamltree.Node, value) []value {
	return func(p *parser, n *yamltree.Node, v value) []value {
		switch v := v.(type) {
		case text:
			v.pattern = v.open(before, behind)
			return []value{v}
		case regex:
			return []value{v}
		case fieldRef:
			v.begin, v.end = v.begin || behind, v.end || before
			return []value{v}
		}
		p.fail(n, CodeModifier, "contains, startswith and endswith take texts, regular expressions and fieldref")
		return nil
	}
}

func cased(p *parser, n *yamltree.Node, v value) []value {
	switch v := v.(type) {
	case text:
		v.cased = true
		return []value{v}
	case fieldRef:
		v.cased = true
		return []value{v}
	case regex:
		return []value{v}
	}
	p.fail(n, CodeModifier, "cased takes texts")
	return nil
}

// textual applies to texts only.
func textual(name string, apply func(text) []value) func(*parser, *yamltree.Node, value) []value {
	return func(p *parser, n *yamltree.Node, v value) []value {
		t, ok := v.(text)
		if !ok {
			p.fail(n, CodeModifier, "%s takes texts", name)
			return nil
		}
		return apply(t)
	}
}

// encoded writes texts without wildcards in another form.
func encoded(name string, encode func(string) []string) func(*parser, *yamltree.Node, value) []value {
	return func(p *parser, n *yamltree.Node, v value) []value {
		t, ok := v.(text)
		if !ok {
			p.fail(n, CodeModifier, "%s takes texts", name)
			return nil
		}
		whole, ok := t.whole()
		if !ok {
			p.fail(n, CodeValue, "%s takes no wildcards: * and ? stand for themselves as \\* and \\?", name)
			return nil
		}
		var out []value
		for _, s := range encode(whole) {
			t.pattern = plain(s)
			out = append(out, t)
		}
		if out == nil {
			p.fail(n, CodeValue, "%q is too short for %s", whole, name)
		}
		return out
	}
}

// order makes a comparison of a number, or of a part of a date.
func (p *parser) order(n *yamltree.Node, v value, op string) []value {
	if d, ok := v.(dated); ok && d.op == "" {
		d.op = op
		return []value{d}
	}
	if _, ok := v.(text); !ok {
		p.fail(n, CodeModifier, "%s takes a number", op)
		return nil
	}
	num, ok := p.number(n, op)
	if !ok {
		return nil
	}
	return []value{compared{op, num}}
}

// maxExpanded is how many values the placeholders of one text may make.
const maxExpanded = 1 << 16

var placeholders = regexp.MustCompile(`%([^%\s]+)%`)

// expand puts the values of placeholders in their places.
func expand(p *parser, n *yamltree.Node, v value) []value {
	t, ok := v.(text)
	if !ok {
		p.fail(n, CodeModifier, "expand takes texts")
		return nil
	}
	list := []pattern{nil}
	for _, x := range t.pattern {
		if x.kind != literal {
			list = extended(list, []pattern{{x}})
			continue
		}
		at := 0
		for _, m := range placeholders.FindAllStringSubmatchIndex(x.literal, -1) {
			name := x.literal[m[2]:m[3]]
			values := p.Placeholders[name]
			if len(values) == 0 {
				p.fail(n, CodeUnknownName, "the placeholder %%%s%% has no values: give it some with --sigma-placeholders", name)
				return nil
			}
			list = extended(list, []pattern{plain(x.literal[at:m[0]])})
			of := make([]pattern, len(values))
			for k, one := range values {
				of[k] = readPattern(one)
			}
			list = extended(list, of)
			at = m[1]
		}
		list = extended(list, []pattern{plain(x.literal[at:])})
		if len(list) > maxExpanded {
			p.fail(n, CodeValue, "the placeholders make more than %d values", maxExpanded)
			return nil
		}
	}
	out := make([]value, len(list))
	for k := range list {
		t.pattern = list[k]
		out[k] = t
	}
	return out
}

// extended joins each pattern with each of more.
func extended(list, more []pattern) []pattern {
	out := make([]pattern, 0, len(list)*len(more))
	for _, a := range list {
		for _, b := range more {
			out = append(out, a.join(b))
		}
	}
	return slices.Clip(out)
}
