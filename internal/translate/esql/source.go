package esql

import (
	"strings"

	"tocsin/internal/diag"
)

// source is the first command of a query.
type source struct {
	command  string
	name     diag.Span
	patterns []pattern
	// list is the span of all patterns.
	list diag.Span
	// metadata are the requested metadata fields; further ones are inserted at the offset
	// metadataAt.
	metadata   []string
	metadataAt int
	// nested means that there are queries among the patterns.
	nested bool
}

// pattern is one index pattern. Several patterns in one quoted text have the same span.
type pattern struct {
	name string
	span diag.Span
}

func (p *parser) readSource(s stage) source {
	src := source{command: s.command, name: s.name}
	if s.command != "FROM" && s.command != "TS" && s.command != "METRICS" {
		return src
	}
	args := s.args
	patterns := args
	for i, t := range args {
		inBrackets := t.depth == 1 && i > 0 && args[i-1].mark("[") // FROM logs [METADATA _id], the older syntax
		if !t.is("METADATA") || t.depth > 0 && !inBrackets {
			continue
		}
		patterns = args[:i]
		if inBrackets {
			patterns = args[:i-1]
		}
		p.readMetadata(&src, args[i:])
		break
	}
	if len(patterns) == 0 {
		p.fail(s.name, "%s names no index", s.command)
		return src
	}
	src.list = patterns[0].span.To(patterns[len(patterns)-1].span)
	if src.metadataAt == 0 {
		src.metadataAt = src.list.End
	}
	for more := true; more; {
		var one []token
		one, patterns, more = before(patterns, ",")
		if more && len(patterns) == 0 {
			p.fail(src.list, "no index follows the last comma")
			more = false
		}
		p.readPattern(&src, one, s.name)
	}
	return src
}

// readPattern parses the text between commas: adjacent names, quoted or not, or a query in
// brackets.
func (p *parser) readPattern(src *source, tokens []token, at diag.Span) {
	switch {
	case len(tokens) == 0:
		p.fail(at, "%s has a comma too many", src.command)
		return
	case tokens[0].mark("("):
		src.nested = true
		return
	}
	var name strings.Builder
	span := tokens[0].span
	for i, t := range tokens {
		if i > 0 && t.span.Start > span.End {
			p.fail(t.span, "a comma or a pipe is wanted before %s", p.text.Value[t.span.Start:t.span.End])
			return
		}
		span = span.To(t.span)
		name.WriteString(t.text)
	}
	for part := range strings.SplitSeq(name.String(), ",") {
		if part = strings.TrimSpace(part); part != "" {
			src.patterns = append(src.patterns, pattern{part, span})
		}
	}
}

// readMetadata parses METADATA _id, _index.
func (p *parser) readMetadata(src *source, tokens []token) {
	src.metadataAt = tokens[0].span.End
	for _, t := range tokens[1:] {
		if t.kind == closed {
			break
		}
		src.metadataAt = t.span.End
		if t.kind == word || t.kind == quoted {
			src.metadata = append(src.metadata, t.text)
		}
	}
	if len(src.metadata) == 0 {
		p.fail(tokens[0].span, "METADATA names no field")
	}
}
