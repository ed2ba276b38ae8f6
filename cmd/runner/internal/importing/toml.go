package importing

import (
	"regexp"
	"slices"
	"strings"

	"tocsin/internal/diag/tomltree"
	"tocsin/internal/rule/form"
)

// free are the keys whose values have keys of others; they are written inline.
var free = []string{"filters", "threat_filters", "actions", "response_actions", "meta", "entries"}

// kept are the keys that mean something even when they are empty.
var kept = []string{"query"}

// empty reports whether a member of a rule says nothing.
func empty(v *tomltree.Value) bool {
	switch v.Kind {
	case tomltree.Null:
		return true
	case tomltree.String:
		return v.Text == "" && !slices.Contains(kept, v.Key)
	case tomltree.Array, tomltree.Table:
		return len(v.Items) == 0
	default:
		return false
	}
}

// table writes the members of a table under a header: first those on a line, then tables of its own.
func table(b *strings.Builder, header string, v *tomltree.Value, without []string) {
	var tables []*tomltree.Value
	for _, m := range v.Items {
		switch {
		case empty(m) || slices.Contains(without, m.Key):
		case isTable(m) && !slices.Contains(free, m.Key):
			tables = append(tables, m)
		default:
			b.WriteString(key(m.Key) + " = " + line(m) + "\n")
		}
	}
	for _, m := range tables {
		name := header + "." + key(m.Key)
		if m.Kind == tomltree.Table {
			b.WriteString("\n[" + name + "]\n")
			table(b, name, m, nil)
			continue
		}
		for _, item := range m.Items {
			b.WriteString("\n[[" + name + "]]\n")
			table(b, name, item, nil)
		}
	}
}

// isTable reports whether a value is a table or a list of tables.
func isTable(v *tomltree.Value) bool {
	if v.Kind == tomltree.Array && len(v.Items) > 0 {
		return !slices.ContainsFunc(v.Items, func(item *tomltree.Value) bool { return item.Kind != tomltree.Table })
	}
	return v.Kind == tomltree.Table
}

// line writes the value of a key: a text with several lines has them.
func line(v *tomltree.Value) string {
	if v.Kind == tomltree.String {
		return form.Text(v.Text)
	}
	return inline(v)
}

// inline writes a value on one line. TOML has no null: a member that is null is left out.
func inline(v *tomltree.Value) string {
	switch v.Kind {
	case tomltree.String:
		return form.Quote(v.Text)
	case tomltree.Array:
		var items []string
		for _, item := range v.Items {
			if item.Kind != tomltree.Null {
				items = append(items, inline(item))
			}
		}
		return "[" + strings.Join(items, ", ") + "]"
	case tomltree.Table:
		var members []string
		for _, m := range v.Items {
			if m.Kind != tomltree.Null {
				members = append(members, key(m.Key)+" = "+inline(m))
			}
		}
		if members == nil {
			return "{}"
		}
		return "{ " + strings.Join(members, ", ") + " }"
	default:
		return v.Text
	}
}

var bare = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func key(name string) string {
	if bare.MatchString(name) {
		return name
	}
	return form.Quote(name)
}
