package tomltree

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"

	"tocsin/internal/diag"
)

// maxSize bounds a document. The largest rule of the public corpora has 54 KB.
const maxSize = 64 << 20

// Parse parses a whole document. Diagnostics have codes that start with area: area/syntax and
// area/duplicate-key. After a syntax error the tree holds the part before it.
func Parse(file diag.Text, area string) (*Value, diag.List) {
	b := builder{file: file, area: area, root: &Value{Kind: Table, made: header}}
	b.section = b.root
	if len(file.Value) > maxSize {
		b.fail("syntax", diag.Span{}, "file has more than %d bytes", maxSize)
		return b.root, b.list
	}
	var p unstable.Parser
	data := []byte(file.Value)
	p.Reset(data)
	for p.NextExpression() {
		b.expression(p.Expression())
	}
	if err := p.Error(); err != nil {
		b.syntax(err, data)
	}
	return b.root, b.list
}

// builder turns the parser's expressions into the tree.
type builder struct {
	file diag.Text
	area string
	root *Value
	list diag.List

	// section is the table that keys are added to; repeated means that its header is a duplicate,
	// which is reported once and not again for each of its keys.
	section  *Value
	repeated bool
}

// fail appends an error.
func (b *builder) fail(kind string, s diag.Span, format string, args ...any) {
	b.list = append(b.list, b.file.Report(diag.Error, b.area+"/"+kind, s, format, args...))
}

// expression adds one header or one key with its value.
func (b *builder) expression(n *unstable.Node) {
	switch n.Kind {
	case unstable.Table:
		b.header(b.keys(n), false)
	case unstable.ArrayTable:
		b.header(b.keys(n), true)
	default: // KeyValue: comments are not kept, and there is nothing else at the top level.
		b.member(b.section, n, b.repeated)
	}
}

// part is one part of a dotted key.
type part struct {
	name string
	span diag.Span
}

// keys returns the parts of the key of a header or a member.
func (b *builder) keys(n *unstable.Node) []part {
	var parts []part
	for it := n.Key(); it.Next(); {
		key := it.Node()
		s := spanOf(key)
		name := b.file.Value[s.Start:s.End]
		if c := name[0]; c == '"' || c == '\'' {
			name = string(key.Data)
		}
		parts = append(parts, part{name, s})
	}
	return parts
}

// spanOf returns the span of a node with a raw range.
func spanOf(n *unstable.Node) diag.Span {
	return diag.Span{Start: int(n.Raw.Offset), End: int(n.Raw.Offset + n.Raw.Length)}
}

// syntax reports the parser's error at the mistake, which for an unterminated string is its start
// and not the end of the file.
func (b *builder) syntax(err error, data []byte) {
	var e *unstable.ParserError
	if !errors.As(err, &e) {
		b.fail("syntax", diag.Span{}, "%s", err)
		return
	}
	start := cap(data) - cap(e.Highlight)
	s := diag.Span{Start: start, End: start + len(e.Highlight)}
	text := b.file.Value
	// An error at the end of the file is put on its last byte, which may be inside a character.
	for end := utf8.UTFMax; end > 1 && s.Start > 0 && s.Start < len(text) && !utf8.RuneStart(text[s.Start]); end-- {
		s.Start--
	}
	switch {
	case strings.HasPrefix(e.Message, "multiline") && strings.Contains(e.Message, "not terminated"):
		delimiter := e.Message[len(e.Message)-3:]
		if i := strings.LastIndex(text, delimiter); i >= 0 {
			s = diag.Span{Start: i, End: i + len(delimiter)}
		}
		b.fail("syntax", s, "string has no closing %s", delimiter)
	case strings.HasSuffix(e.Message, "cannot have new lines"), strings.HasPrefix(e.Message, "unterminated"):
		b.fail("syntax", s, "string is not closed on its line")
	default:
		b.fail("syntax", s, "%s", e.Message)
	}
}
