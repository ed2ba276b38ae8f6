package sigma

import (
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/diag/yamltree"
)

// object reads a map key by key and knows which keys were asked for.
type object struct {
	file  diag.Text
	node  *yamltree.Node
	what  string
	asked map[string]bool
	diags *diag.List
}

func newObject(file diag.Text, n *yamltree.Node, what string, diags *diag.List) *object {
	return &object{file: file, node: n, what: what, asked: map[string]bool{}, diags: diags}
}

func (o *object) report(n *yamltree.Node, sev diag.Severity, code, format string, args ...any) {
	*o.diags = append(*o.diags, n.Report(o.file, sev, code, format, args...))
}

func (o *object) fail(n *yamltree.Node, code, format string, args ...any) {
	o.report(n, diag.Error, code, format, args...)
}

// get returns the value of a key; nil when it is missing or null.
func (o *object) get(key string) *yamltree.Node {
	o.asked[key] = true
	n := o.node.Get(key)
	if n == nil || n.Kind == yamltree.Null {
		return nil
	}
	return n
}

// key returns where a key stands, or else the whole.
func (o *object) key(key string) *yamltree.Node {
	for _, m := range o.node.Members {
		if m.Key.Value == key {
			return m.Key
		}
	}
	return o.node
}

func (o *object) text(key string) string {
	n := o.get(key)
	switch {
	case n == nil:
		return ""
	case !n.IsScalar():
		o.fail(n, CodeSyntax, "%s is not a text", key)
		return ""
	}
	return n.Value
}

// texts reads a list of texts; one text is a list of one.
func (o *object) texts(key string) []string {
	n := o.get(key)
	if n == nil {
		return nil
	}
	items := []*yamltree.Node{n}
	if n.Kind == yamltree.List {
		items = n.Items
	}
	var out []string
	for _, item := range items {
		switch {
		case !item.IsScalar():
			o.fail(item, CodeSyntax, "%s is not a list of texts", key)
			return out
		case item.Kind != yamltree.Null:
			out = append(out, item.Value)
		}
	}
	return out
}

// word reads a text that has to be one of several, in any case.
func (o *object) word(key string, words ...string) string {
	w := strings.ToLower(o.text(key))
	if w != "" && !slices.Contains(words, w) {
		o.fail(o.get(key), CodeValue, "the %s %s is none of %v%s", key, w, words, near(w, words))
	}
	return w
}

// custom are the keys that nobody asked for. They are the user's own, which the format allows; one that
// is nearly one of the format's is said. also are further keys of the format.
func (o *object) custom(also ...string) []string {
	for _, key := range also {
		o.asked[key] = true
	}
	formats := make([]string, 0, len(o.asked))
	for k := range o.asked {
		formats = append(formats, k)
	}
	slices.Sort(formats)
	var out []string
	for _, m := range o.node.Members {
		k := m.Key.Value
		if o.asked[k] {
			continue
		}
		out = append(out, k)
		if near := diag.Nearest(k, formats); near != "" {
			o.report(m.Key, diag.Warning, CodeUnknownKey, "unknown key %s is kept and has no effect: did you mean %s?", k, near)
		} else {
			o.report(m.Key, diag.Note, CodeUnknownKey, "key %s is not of the format: it is kept and has no effect", k)
		}
	}
	return out
}

// repeated reports keys that a map has twice, at any depth: the first would silently be without effect.
func repeated(file diag.Text, n *yamltree.Node, diags *diag.List) {
	seen := make(map[string]bool, len(n.Members))
	for _, m := range n.Members {
		if seen[m.Key.Value] {
			*diags = append(*diags, m.Key.Report(file, diag.Error, CodeSyntax, "the key %s is repeated: only its last value would count", m.Key.Value))
		}
		seen[m.Key.Value] = true
		repeated(file, m.Value, diags)
	}
	for _, item := range n.Items {
		repeated(file, item, diags)
	}
}
