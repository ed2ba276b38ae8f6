package sigma

import (
	"slices"
	"strings"

	"tocsin/internal/diag/yamltree"
)

// lintValues says what is probably a mistake in the values of an item, or could be written more simply. What can never
// match, though it looks as if it did, is a warning; the rest are notes.
func (p *parser) lintValues(i *item, c chain, nodes []*yamltree.Node) {
	seen := make(map[string]bool, len(nodes))
	for _, n := range nodes {
		if n.Kind == yamltree.Null {
			if len(nodes) > 1 {
				p.lint(n, "null in a list is true of an event without the field: an identifier of its own says so more clearly")
			}
			continue
		}
		key := n.Value
		if !minds(c) {
			key = strings.ToLower(key)
		}
		if seen[key] {
			p.lint(n, "the value is in the list twice")
		}
		seen[key] = true
		switch {
		case c.has("re"):
			if strings.HasPrefix(n.Value, ".*") {
				p.lint(n, "a regular expression is found anywhere in a value: .* at its beginning has no effect")
			}
		case len(c) == 0 || !c[0].first && !encodes(c):
			p.lintText(i, c, n)
		}
	}
	if len(nodes) <= maxImplied && !i.all && c.has("contains") && !minds(c) && !encodes(c) {
		p.lintImplied(nodes)
	}
}

// minds reports whether values that differ in case only are different.
func minds(c chain) bool { return c.has("cased") || c.has("re") || encodes(c) }

func encodes(c chain) bool { return c.has("base64") || c.has("base64offset") }

// images are the fields that hold whole paths of programs.
var images = []string{"Image", "ParentImage", "SourceImage", "TargetImage", "NewProcessName", "ParentProcessName"}

func (p *parser) lintText(i *item, c chain, n *yamltree.Node) {
	whole := len(c) == 0 && i.field != ""
	begins, ends := strings.HasPrefix(n.Value, "*"), endsInStar(n.Value)
	opens := c.has("contains") || c.has("startswith") || c.has("endswith")
	switch {
	case n.Kind != yamltree.Text && opens:
		p.lint(n, "%s is compared as text", n.Value)
	case whole && slices.Contains(images, i.field) && strings.HasSuffix(strings.ToLower(n.Value), ".exe") && !strings.ContainsAny(n.Value, `\/*?`):
		p.warn(n, `%s is a whole path, which never equals a name alone: %s|endswith: '\%s'`, i.field, i.field, n.Value)
	case whole && strings.TrimRight(n.Value, " ") != n.Value && strings.TrimSpace(n.Value) != "":
		p.warn(n, "the whole value has to end in a space: was contains meant?")
	case opens && (begins && !c.has("startswith") || ends && !c.has("endswith")) && n.Value != "*":
		p.lint(n, "the modifier adds the star itself")
	case begins && c.has("startswith") || ends && c.has("endswith"):
		if n.Value != "*" {
			p.lint(n, "with a star at this end the value may stand anywhere, as with contains")
		}
	case whole && begins && ends && len(n.Value) > 2:
		p.lint(n, "contains says the same without stars")
	}
	if at := strings.Index(n.Value, `\*\`); at >= 0 && (at == 0 || n.Value[at-1] != '\\') {
		p.lint(n, `\* is a star itself: any folder is \\*`)
	}
}

// endsInStar reports whether a text ends in a wildcard of any length, not in a star itself.
func endsInStar(s string) bool {
	before, ok := strings.CutSuffix(s, "*")
	slashes := len(before) - len(strings.TrimRight(before, `\`))
	return ok && slashes%2 == 0
}

// maxImplied is how many values are compared with each other.
const maxImplied = 100

// lintImplied finds values that contain another, which therefore add nothing.
func (p *parser) lintImplied(nodes []*yamltree.Node) {
	texts := make([]string, len(nodes))
	for k, n := range nodes {
		texts[k] = strings.ToLower(n.Value)
	}
	for k, long := range texts {
		at := slices.IndexFunc(texts, func(short string) bool {
			return short != "" && len(short) < len(long) && !strings.ContainsAny(short, `*?\`) && strings.Contains(long, short)
		})
		if at >= 0 {
			p.lint(nodes[k], "every event with this value has %s, too", nodes[at].Value)
		}
	}
}
