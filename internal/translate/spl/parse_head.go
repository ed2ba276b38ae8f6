package spl

import (
	"strconv"

	"tocsin/internal/diag"
)

func parseHead(p *parser, start int, tail bool) Stage {
	h := &Head{N: -1, Tail: tail}
	options := map[string]func(string) bool{"limit": toCount(&h.N), "count": toCount(&h.N)}
	if !tail {
		options["null"], options["keeplast"] = toFlag(&h.Null), toFlag(&h.Last)
	}
	for p.separator(); !p.failed && !p.stageEnd(); p.separator() {
		if key, value, span, ok := p.headOption(options); ok {
			p.set(h.Command(), options, key, value, span)
			continue
		}
		back := p.pos
		text, span := p.word(wordEnd)
		n, err := strconv.Atoi(text)
		switch {
		case err == nil && n >= 0 && p.headEnd():
			h.N = n
		case tail || h.While != nil:
			p.unsupported(span, "%s takes a number of rows", h.Command())
			p.skipStage()
		default:
			p.pos = back
			h.While = p.expression()
		}
	}
	if h.While == nil {
		h.Null, h.Last = false, false // they are about a condition
		if h.N < 0 {
			h.N = usualHead
		}
	}
	h.At = p.at(start)
	return h
}

// usualHead is the default number of rows of head.
const usualHead = 10

// headOption parses an option, as opposed to an expression such as n=1.
func (p *parser) headOption(options map[string]func(string) bool) (key, value string, span diag.Span, ok bool) {
	back := p.pos
	if key, value, span, ok = p.option(); ok && options[key] == nil {
		p.pos = back
		return "", "", span, false
	}
	return key, value, span, ok
}

// headEnd reports whether a number is a number of rows, and not the start of an expression.
func (p *parser) headEnd() bool {
	c := p.peek()
	return p.stageEnd() || isLetter(c) || c == '(' || c == ','
}
