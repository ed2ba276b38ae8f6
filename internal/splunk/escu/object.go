package escu

import (
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"tocsin/internal/diag"
)

// The diagnostic codes of content files.
const (
	// CodeSyntax: a file that is not valid YAML, or does not have the structure that its keys require.
	CodeSyntax = "escu/syntax"
	// CodeUnknownKey: a key that is not part of the format.
	CodeUnknownKey = "escu/unknown-key"
	// CodeMissing: a required key is missing.
	CodeMissing = "escu/missing"
	// CodeValue: an invalid value.
	CodeValue = "escu/value"
	// CodeUnknownName: a name that no file of the library defines.
	CodeUnknownName = "escu/unknown-name"
	// CodeUnreadable: a file that cannot be read.
	CodeUnreadable = "escu/unreadable"
)

// object reads a mapping key by key and remembers which keys were read.
type object struct {
	file  diag.Text
	path  string
	node  *yaml.Node
	asked map[string]bool
	diags *diag.List
}

func newObject(file diag.Text, path string, n *yaml.Node, diags *diag.List) *object {
	o := &object{file: file, path: path, node: resolved(n), asked: map[string]bool{}, diags: diags}
	if o.node != nil && o.node.Kind != yaml.MappingNode && !isNull(o.node) {
		o.report(diag.Error, CodeSyntax, o.node, "%s is not a mapping", o.name())
		o.node = nil
	}
	return o
}

func resolved(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func (o *object) name() string {
	if o.path == "" {
		return "the file"
	}
	return o.path
}

// report reports at a node, or at the object or file if the node is nil, such as for a missing key.
func (o *object) report(sev diag.Severity, code string, n *yaml.Node, format string, args ...any) {
	if n == nil {
		n = o.node
	}
	if n == nil {
		*o.diags = append(*o.diags, o.file.Report(sev, code, diag.Span{}, format, args...))
		return
	}
	*o.diags = append(*o.diags, o.file.Report(sev, code, place(o.file, n), format, args...))
}

// get returns the value of a key, nil when it is missing or null.
func (o *object) get(key string) *yaml.Node {
	o.asked[key] = true
	if o.node == nil || o.node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(o.node.Content); i += 2 {
		if o.node.Content[i].Value == key {
			if v := resolved(o.node.Content[i+1]); !isNull(v) {
				return v
			}
			return nil
		}
	}
	return nil
}

func (o *object) has(key string) bool { return o.get(key) != nil }

// scalar returns the node of a key whose value must be a scalar.
func (o *object) scalar(key string) *yaml.Node {
	n := o.get(key)
	if n != nil && n.Kind != yaml.ScalarNode {
		o.report(diag.Error, CodeSyntax, n, "%s is not a text", o.at(key))
		return nil
	}
	return n
}

func (o *object) at(key string) string {
	if o.path == "" {
		return key
	}
	return o.path + "." + key
}

func (o *object) text(key string) string {
	if n := o.scalar(key); n != nil {
		return n.Value
	}
	return ""
}

func (o *object) source(key string) diag.Text {
	if n := o.scalar(key); n != nil {
		return text(o.file, n)
	}
	return diag.Text{}
}

func (o *object) number(key string, usual int) int {
	n := o.scalar(key)
	if n == nil {
		return usual
	}
	f, err := strconv.ParseFloat(n.Value, 64)
	if err != nil || f != float64(int(f)) {
		o.report(diag.Error, CodeValue, n, "%s is not a whole number: %q", o.at(key), n.Value)
		return usual
	}
	return int(f)
}

func (o *object) flag(key string) *bool {
	n := o.scalar(key)
	if n == nil {
		return nil
	}
	b, err := strconv.ParseBool(n.Value)
	if err != nil {
		o.report(diag.Error, CodeValue, n, "%s is neither true nor false: %q", o.at(key), n.Value)
		return nil
	}
	return &b
}

// texts reads a list of texts, or one text.
func (o *object) texts(key string) []string {
	var out []string
	for _, n := range o.nodes(key) {
		if n.Kind != yaml.ScalarNode {
			o.report(diag.Error, CodeSyntax, n, "%s is not a list of texts", o.at(key))
			return out
		}
		out = append(out, n.Value)
	}
	return out
}

// nodes returns the members of a list; a single value counts as a list of one.
func (o *object) nodes(key string) []*yaml.Node {
	n := o.get(key)
	switch {
	case n == nil:
		return nil
	case n.Kind != yaml.SequenceNode:
		return []*yaml.Node{n}
	}
	out := make([]*yaml.Node, len(n.Content))
	for i, m := range n.Content {
		out[i] = resolved(m)
	}
	return out
}

func (o *object) object(key string) *object {
	return newObject(o.file, o.at(key), o.get(key), o.diags)
}

func (o *object) objects(key string) []*object {
	var out []*object
	for i, n := range o.nodes(key) {
		out = append(out, newObject(o.file, o.at(key)+"["+strconv.Itoa(i)+"]", n, o.diags))
	}
	return out
}

// ignore marks keys that do not affect a run as read.
func (o *object) ignore(keys ...string) {
	for _, k := range keys {
		o.asked[k] = true
	}
}

// rest warns of keys that were not read.
func (o *object) rest() {
	if o.node == nil || o.node.Kind != yaml.MappingNode {
		return
	}
	known := make([]string, 0, len(o.asked))
	for k := range o.asked {
		known = append(known, k)
	}
	slices.Sort(known)
	for i := 0; i+1 < len(o.node.Content); i += 2 {
		key := o.node.Content[i]
		if o.asked[key.Value] {
			continue
		}
		hint := ""
		if near := diag.Nearest(key.Value, known); near != "" {
			hint = ": did you mean " + near + "?"
		}
		o.report(diag.Warning, CodeUnknownKey, key, "unknown key %s%s", o.at(key.Value), hint)
	}
}

// want reports a missing key that is required.
func (o *object) want(key string) {
	if o.node != nil && !o.has(key) {
		o.report(diag.Error, CodeMissing, o.node, "%s has no %s", o.name(), key)
	}
}
