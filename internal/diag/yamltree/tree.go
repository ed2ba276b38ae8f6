package yamltree

import (
	"slices"
	"strings"
	"unicode/utf8"

	"tocsin/internal/diag"
)

// Kind is what a node is.
type Kind uint8

// The kinds of nodes.
const (
	Null Kind = iota
	Bool
	Int
	Float
	Text
	Map
	List
)

// Node is a value of a document.
type Node struct {
	Kind Kind
	// Value is the text of a scalar; a number in decimal form, as far as it has one.
	Value string
	// Members are those of a map, in order and with repeated keys; Items are those of a list.
	Members []Member
	Items   []*Node

	line, column int
}

// Member is a key of a map with its value.
type Member struct{ Key, Value *Node }

// IsScalar reports whether a node is neither a map nor a list.
func (n *Node) IsScalar() bool { return n.Kind != Map && n.Kind != List }

// Get returns the value of a key of a map, of the last where it is repeated; nil when there is none.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	for _, m := range slices.Backward(n.Members) {
		if m.Key.Value == key {
			return m.Value
		}
	}
	return nil
}

// Bare returns a node without what is in it: where it stands, for whoever keeps no more.
func (n *Node) Bare() *Node {
	return &Node{Kind: n.Kind, Value: n.Value, line: n.line, column: n.column}
}

// Place is where a node stands, for whoever keeps nothing else of it.
type Place struct {
	line, column, length int32
	// Scalar: the node is neither a map nor a list.
	Scalar bool
}

// Place returns where the node stands.
func (n *Node) Place() Place {
	return Place{int32(n.line), int32(n.column), int32(len(n.Value)), n.IsScalar()}
}

// Span returns where a node stands in its file: a scalar up to its end or that of its line.
func (n *Node) Span(file diag.Text) diag.Span { return n.Place().Span(file) }

// Span is that of the node.
func (p Place) Span(file diag.Text) diag.Span {
	text := file.Value
	start := Offset(text, int(p.line), int(p.column))
	end := start + 1
	if p.Scalar {
		end = start + int(p.length)
		if start < len(text) && (text[start] == '"' || text[start] == '\'') {
			end += 2
		}
	}
	if i := strings.IndexByte(text[start:], '\n'); i >= 0 {
		end = min(end, start+i)
	}
	return diag.Span{Start: start, End: min(max(end, start+1), len(text))}
}

// Line returns the line that a node begins on, from 1.
func (n *Node) Line() int { return n.line }

// Report makes a diagnostic about a node.
func (n *Node) Report(file diag.Text, sev diag.Severity, code, format string, args ...any) diag.Diagnostic {
	return file.Report(sev, code, n.Span(file), format, args...)
}

// Offset returns the byte offset of a line and a column, in characters, both from 1.
func Offset(content string, line, column int) int {
	at := 0
	for range line - 1 {
		i := strings.IndexByte(content[at:], '\n')
		if i < 0 {
			return len(content)
		}
		at += i + 1
	}
	for range column - 1 {
		if at >= len(content) {
			break
		}
		_, size := utf8.DecodeRuneInString(content[at:])
		at += size
	}
	return at
}
