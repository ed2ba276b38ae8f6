package splunk

import (
	"slices"

	"tocsin/internal/translate/spl"
)

// xpath gives a field the values that a path finds in the XML of another one.
func xpath(c *spl.XPath) func(Row) {
	return func(row Row) {
		var found []Value
		for _, x := range fieldOrRaw(row, c.Field).Each() {
			if root, ok := readXML(x.String()); ok {
				for _, text := range follow([]*element{root}, c.Steps) {
					found = append(found, Text(text))
				}
			}
		}
		if len(found) == 0 && c.Usual != "" {
			found = []Value{Text(c.Usual)}
		}
		row.set(c.Out, Several(found...))
	}
}

// follow returns the texts that a path leads to.
func follow(from []*element, steps []spl.XStep) []string {
	for _, s := range steps {
		if s.Deep {
			from = below(from)
		}
		if s.Text || s.Attribute {
			var out []string
			for _, e := range from {
				if s.Text && e.text != "" {
					out = append(out, e.text)
				}
				for _, a := range e.attributes {
					if s.Attribute && (s.Name == "*" || s.Name == a.name) {
						out = append(out, a.value)
					}
				}
			}
			return out
		}
		var next []*element
		for _, e := range from {
			matched := slices.DeleteFunc(slices.Clone(e.inner), func(c *element) bool { return s.Name != "*" && s.Name != c.name })
			for _, t := range s.Tests {
				matched = tested(matched, t)
			}
			next = append(next, matched...)
		}
		from = next
	}
	var out []string
	for _, e := range from {
		out = append(out, e.String())
	}
	return out
}

// below are elements and all that are in them, each once, in their order.
func below(from []*element) []*element {
	var out []*element
	seen := map[*element]bool{}
	var visit func(list []*element)
	visit = func(list []*element) {
		for _, e := range list {
			if !seen[e] {
				seen[e] = true
				out = append(out, e)
				visit(e.inner)
			}
		}
	}
	visit(from)
	return out
}

func tested(list []*element, t spl.XTest) []*element {
	switch {
	case t.N > len(list):
		return nil
	case t.N > 0:
		return list[t.N-1 : t.N]
	case t.N < 0:
		return list[max(0, len(list)-1):]
	}
	return slices.DeleteFunc(slices.Clone(list), func(e *element) bool {
		var values []string
		switch {
		case t.Attribute:
			for _, a := range e.attributes {
				if a.name == t.Name {
					values = append(values, a.value)
				}
			}
		case t.Name == "":
			values = append(values, e.text)
		default:
			for _, c := range e.children(t.Name) {
				values = append(values, c.String())
			}
		}
		return t.Value == nil && len(values) == 0 || t.Value != nil && !slices.Contains(values, *t.Value)
	})
}
