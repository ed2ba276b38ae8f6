package tomltree

import (
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"tocsin/internal/diag"
)

// header opens the table of a [header] or [[header]].
func (b *builder) header(parts []part, list bool) {
	s := b.brackets(parts, list)
	b.repeated = false
	at := b.root
	for _, p := range parts[:len(parts)-1] {
		at = b.descend(at, p, s)
		if at == nil {
			b.detach()
			return
		}
	}
	last := parts[len(parts)-1]
	old := at.Get(last.name)
	switch {
	case list && old == nil:
		old = at.add(&Value{Kind: Array, Key: last.name, KeySpan: last.span, Span: s, made: listed})
		b.section = old.add(&Value{Kind: Table, Span: s, made: header})
	case list && old.made == listed:
		b.section = old.add(&Value{Kind: Table, Span: s, made: header})
	case !list && old == nil:
		b.section = at.add(&Value{Kind: Table, Key: last.name, KeySpan: last.span, Span: s, made: header})
	case !list && old.made == implicit:
		old.made, old.Span, old.KeySpan = header, s, last.span
		b.section = old
	case !list && old.made == header:
		b.duplicate(s, old)
		b.section, b.repeated = old, true
	default:
		b.duplicate(s, old)
		b.detach()
	}
}

// detach discards the keys of a header that has no place in the tree, so that parsing continues.
func (b *builder) detach() { b.section = &Value{Kind: Table, made: header} }

// descend follows one part of a header, making the table when it does not exist yet.
func (b *builder) descend(at *Value, p part, s diag.Span) *Value {
	next := at.Get(p.name)
	switch {
	case next == nil:
		return at.add(&Value{Kind: Table, Key: p.name, KeySpan: p.span, Span: s, made: implicit})
	case next.made == listed:
		return next.Items[len(next.Items)-1]
	case next.made == closed:
		b.duplicate(s, next)
		return nil
	}
	return next
}

// member adds a key and its value to a table. With quiet, a duplicate key is dropped without a
// diagnostic.
func (b *builder) member(table *Value, n *unstable.Node, quiet bool) {
	parts := b.keys(n)
	for _, p := range parts[:len(parts)-1] {
		next := table.Get(p.name)
		switch {
		case next == nil:
			next = table.add(&Value{Kind: Table, Key: p.name, KeySpan: p.span, Span: p.span, made: dotted})
		case next.made != dotted:
			b.repeat(p, next, quiet)
			return
		}
		table = next
	}
	last := parts[len(parts)-1]
	if old := table.Get(last.name); old != nil {
		b.repeat(last, old, quiet)
		return
	}
	v, _ := b.value(n.Value(), b.valueStart(last.span.End))
	v.Key, v.KeySpan = last.name, last.span
	table.add(v)
}

// repeat reports a duplicate key of a table.
func (b *builder) repeat(p part, old *Value, quiet bool) {
	if !quiet {
		b.duplicate(p.span, old)
	}
}

// duplicate reports a duplicate key or header.
func (b *builder) duplicate(s diag.Span, old *Value) {
	place := b.file.Report(diag.Error, "", old.KeySpan, "")
	b.fail("duplicate-key", s, "%s is already defined in line %d", old.Path(), place.Line)
}

// brackets returns the span of a header, which go-toml does not give.
func (b *builder) brackets(parts []part, list bool) diag.Span {
	start := strings.LastIndexByte(b.file.Value[:parts[0].span.Start], '[')
	end := parts[len(parts)-1].span.End
	end += strings.IndexByte(b.file.Value[end:], ']') + 1
	if list {
		start, end = start-1, end+1
	}
	return diag.Span{Start: start, End: end}
}

// valueStart returns where the value after a key begins.
func (b *builder) valueStart(keyEnd int) int {
	text := b.file.Value
	i := keyEnd + strings.IndexByte(text[keyEnd:], '=') + 1
	for text[i] == ' ' || text[i] == '\t' {
		i++
	}
	return i
}
