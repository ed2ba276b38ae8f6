package spl

import (
	"slices"
	"strings"

	"tocsin/internal/diag"
)

func parseForeach(p *parser, start int) Stage {
	f := &Foreach{Tokens: map[string]string{}}
	options := map[string]func(string) bool{"mode": func(v string) bool {
		i := slices.Index(foreachModes, strings.ToLower(v))
		f.Mode = ForeachMode(max(0, i))
		return i >= 0
	}}
	for thing, usual := range foreachTokens {
		f.Tokens[thing] = usual
		options[thing] = func(v string) bool { f.Tokens[thing] = v; return v != "" }
	}
	for p.separator(); !p.failed && p.peek() != '[' && !p.stageEnd(); p.separator() {
		if key, value, span, ok := p.option(); ok {
			p.set("foreach", options, key, value, span)
			continue
		}
		f.Names = append(f.Names, p.name())
	}
	if !p.failed && len(f.Names) == 0 {
		p.fail(p.here(), "expected the name of a field%s", p.instead())
	}
	if !p.failed && f.Mode != EachField && (len(f.Names) > 1 || strings.Contains(f.Names[0].Text, "*")) {
		p.fail(f.Names[0].Span, "foreach with mode=%s takes one field", foreachModes[f.Mode])
	}
	p.want("[")
	from := p.pos
	// The commands are parsed with a placeholder name for each token, and parsed again for each field.
	inner := parser{scanner: scanner{src: p.src, pos: from}, source: p.source, depth: p.depth}
	inner.skipStage()
	for inner.pos < len(inner.src) && inner.src[inner.pos] == '|' {
		inner.pos++
		inner.skipStage()
	}
	f.Template = Text{p.src[from:inner.pos], diag.Span{Start: from, End: inner.pos}}
	if !p.failed {
		p.pos = inner.pos
		p.diags = append(p.diags, p.template(f)...)
	}
	p.want("]")
	f.At = p.at(start)
	return f
}

// template checks the commands of foreach.
func (p *parser) template(f *Foreach) diag.List {
	text := f.Template.Value
	for _, token := range f.Tokens {
		// The placeholder has the length of the token, so that positions stay right.
		text = strings.ReplaceAll(text, token, strings.Repeat("x", len(token)))
	}
	padded := strings.Repeat(" ", f.Template.Span.Start) + text
	_, diags := parsePipe(&Source{Text: p.source.Text, Value: padded, runs: p.source.runs}, p.depth)
	return diags
}
