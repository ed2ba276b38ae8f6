package spl

import (
	"strings"

	"tocsin/internal/diag"
)

func parseLookup(p *parser, start int) Stage {
	l := &Lookup{}
	p.options("lookup", map[string]func(string) bool{"update": ignored, "local": ignored, "event_time_field": ignored})
	l.Table = p.name()
	l.Keys = p.columns()
	switch {
	case p.keyword("outputnew"):
		l.Keep = true
		l.Outputs = p.columns()
	case p.keyword("output"):
		l.Outputs = p.columns()
	}
	if len(l.Keys) == 0 {
		p.fail(p.here(), "expected a column of the table %s%s", l.Table.Text, p.instead())
	}
	l.At = p.at(start)
	return l
}

// columns parses column AS field, or a column alone.
func (p *parser) columns() []Column {
	var columns []Column
	for p.separator(); !p.failed && !p.stageEnd() && !p.isKeyword("output", "outputnew"); p.separator() {
		c := Column{Column: p.name()}
		c.Field = c.Column
		if p.keyword("as") {
			c.Field = p.name()
		}
		columns = append(columns, c)
	}
	return columns
}

func parseInputLookup(p *parser, start int) Stage {
	l := &InputLookup{}
	options := map[string]func(string) bool{
		"append": toFlag(&l.Append), "start": toCount(&l.Start), "max": toCount(&l.Max), "strict": ignored,
	}
	p.options("inputlookup", options)
	l.Table = p.name()
	p.options("inputlookup", options)
	if p.keyword("where") {
		if l.Where = p.condition(); l.Where == nil {
			p.fail(p.here(), "expected a condition%s", p.instead())
		}
	}
	l.At = p.at(start)
	return l
}

func parseJoin(p *parser, start int) Stage {
	j := &Join{Max: 1, Overwrite: true}
	options := map[string]func(string) bool{
		"type": func(v string) bool {
			j.Outer = strings.EqualFold(v, "outer") || strings.EqualFold(v, "left")
			return j.Outer || strings.EqualFold(v, "inner")
		},
		"max": toCount(&j.Max), "overwrite": toFlag(&j.Overwrite), "usetime": toFlag(&j.UseTime),
		"earlier": func(v string) bool { earlier := true; ok := toFlag(&earlier)(v); j.Later = !earlier; return ok },
		"left":    toText(&j.Left), "right": toText(&j.Right),
	}
	for p.separator(); !p.failed && p.peek() != '[' && !p.stageEnd(); p.separator() {
		if j.Left != "" && p.keyword("where") {
			p.joinOn(j)
			continue
		}
		if key, value, span, ok := p.option(); ok {
			p.set("join", options, key, value, span)
			continue
		}
		j.Names = append(j.Names, p.name())
	}
	j.Sub = p.subsearch()
	j.At = p.at(start)
	if !p.failed && (j.Left == "") != (j.Right == "") || j.Left != "" && len(j.On) == 0 {
		p.fail(j.Span, "join with left and right wants both, and where left.field=right.field")
	}
	return j
}

// joinOn parses left.field=right.field, several joined with AND.
func (p *parser) joinOn(j *Join) {
	for !p.failed && p.peek() != '[' && !p.stageEnd() {
		a := p.name()
		p.want("=")
		b := p.name()
		left, isLeft := strings.CutPrefix(a.Text, j.Left+".")
		right, isRight := strings.CutPrefix(b.Text, j.Right+".")
		if !isLeft || !isRight {
			right, isRight = strings.CutPrefix(a.Text, j.Right+".")
			left, isLeft = strings.CutPrefix(b.Text, j.Left+".")
		}
		if !p.failed && (!isLeft || !isRight) {
			p.fail(a.Span.To(b.Span), "join compares a field of %s with one of %s", j.Left, j.Right)
		}
		j.On = append(j.On, Pair{Name{left, a.Span}, Name{right, b.Span}})
		if !p.keyword("and") {
			p.passComma()
		}
	}
}

func parseAppend(p *parser, start int, pipe bool) Stage {
	a := &Append{Pipe: pipe}
	run := true
	p.options(a.Command(), map[string]func(string) bool{
		"run_in_preview": ignored, "extendtimerange": only("false", "f"), "maxtime": ignored, "maxout": ignored, "timeout": ignored,
		"override": only("false", "f"), "run": toFlag(&run),
	})
	if !pipe {
		a.Sub = p.subsearch()
		a.At = p.at(start)
		return a
	}
	p.want("[")
	a.Sub = &Search{Source: p.source}
	if p.deeper() {
		if c := p.peek(); c != '|' && c != ']' && c != 0 {
			if stage := p.stage(); stage != nil {
				a.Sub.Stages = append(a.Sub.Stages, stage)
			}
			p.endStage()
		}
		p.stages(a.Sub)
	}
	p.depth--
	p.want("]")
	a.At = p.at(start)
	return a
}

func parseTransaction(p *parser, start int) Stage {
	t := &Transaction{MaxSpan: -1, MaxPause: -1, MaxEvents: 1000, Missing: usualNull}
	connected := true
	options := map[string]func(string) bool{
		"maxspan": seconds(&t.MaxSpan), "maxpause": seconds(&t.MaxPause), "connected": toFlag(&connected), "keepevicted": toFlag(&t.KeepEvicted),
		"maxevents": func(v string) bool { n, ok := count(v); t.MaxEvents = max(n, 0); return ok },
		"mvlist":    func(v string) bool { return t.lists(v) },
		"unifyends": only("false", "f"), "keeporphans": only("false", "f"), "maxopentxn": ignored,
		"maxopenevents": ignored, "delim": ignored, "nullstr": toText(&t.Missing), "name": ignored,
	}
	for p.separator(); !p.failed && !p.stageEnd(); p.separator() {
		back := p.pos
		word, _ := p.ident()
		if lower := strings.ToLower(word); (lower == "startswith" || lower == "endswith") && p.accept("=") {
			x, eval := p.border()
			if lower == "startswith" {
				t.StartsWith, t.StartEval = x, eval
			} else {
				t.EndsWith, t.EndEval = x, eval
			}
			continue
		}
		p.pos = back
		if key, value, span, ok := p.option(); ok {
			p.set("transaction", options, key, value, span)
			continue
		}
		t.Names = append(t.Names, p.name())
	}
	t.Unconnected = !connected
	t.At = p.at(start)
	return t
}

// lists parses true, false, or the fields whose values are kept as lists.
func (t *Transaction) lists(v string) bool {
	t.Listed = nil
	if toFlag(&t.Lists)(v) {
		return true
	}
	t.Lists = true
	t.Listed = strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })
	return len(t.Listed) > 0
}

// border parses the start or end of a transaction: (condition), "condition" or eval(expression).
func (p *parser) border() (Expr, Node) {
	if p.keyword("eval") {
		p.want("(")
		x := p.expression()
		p.want(")")
		return nil, x
	}
	if p.peek() == '(' {
		return p.test(nil), nil
	}
	if p.peek() == '"' {
		text, span, ok := p.quoted()
		if !ok {
			p.fail(span, "the quotes do not end")
		}
		// Blanks replace the text before, so that positions stay right.
		inner := parser{scanner: scanner{src: strings.Repeat(" ", span.Start+1) + text}, source: p.source, depth: p.depth}
		x := inner.condition()
		if inner.failed || x == nil || inner.peek() != 0 {
			p.fail(span, "%q is no condition", text)
		}
		return x, nil
	}
	return p.comparison(), nil
}

func parseReturn(p *parser, start int) Stage {
	r := &Return{N: 1}
	p.leadingCount(&r.N)
	for p.separator(); !p.failed && !p.stageEnd(); p.separator() {
		bare := p.accept("$")
		n := p.name()
		pair := Pair{n, n}
		if !bare && p.accept("=") {
			pair.From = p.name()
		}
		r.Pairs, r.Bare = append(r.Pairs, pair), append(r.Bare, bare)
	}
	if len(r.Pairs) == 0 {
		p.fail(p.here(), "expected the name of a field%s", p.instead())
	}
	r.At = p.at(start)
	return r
}

// mapSearch parses search="…" that contains unescaped quotes. An inner quote is followed directly by a word; the
// last quote ends the text.
func (p *parser) mapSearch() (key, value string, span diag.Span, ok bool) {
	back := p.pos
	word, span := p.ident()
	if !strings.EqualFold(word, "search") || !p.accept("=") || p.peek() != '"' {
		p.pos = back
		return "", "", span, false
	}
	open := p.pos
	_, _, ended := p.quoted()
	last := strings.LastIndexByte(p.src, '"')
	if !ended || p.pos >= len(p.src) || isBlank(p.src[p.pos]) || p.src[p.pos] == '|' || p.src[p.pos] == ']' || last < p.pos {
		p.pos = back
		return "", "", span, false
	}
	p.pos, span.End = last+1, last+1
	return "search", unescape(p.src[open+1:last], '"'), span, true
}

// mapBrackets returns the text of a search in brackets.
func (p *parser) mapBrackets() (key, value string, span diag.Span, ok bool) {
	if p.peek() != '[' {
		return "", "", span, false
	}
	open := p.pos
	p.pos++
	for p.skipStage(); p.pos < len(p.src) && p.src[p.pos] == '|'; p.skipStage() {
		p.pos++
	}
	end := p.pos
	p.want("]")
	return "search", p.src[open+1 : end], diag.Span{Start: open, End: p.pos}, !p.failed
}

func parseMap(p *parser, start int) Stage {
	m := &Map{Max: 10}
	var at diag.Span
	options := map[string]func(string) bool{"maxsearches": toCount(&m.Max), "search": toText(&m.Template.Value)}
	for !p.failed && !p.stageEnd() {
		key, value, span, ok := p.mapSearch()
		if !ok {
			key, value, span, ok = p.mapBrackets()
		}
		if !ok {
			key, value, span, ok = p.option()
		}
		if !ok {
			p.fail(p.here(), "map takes search=\"…\"")
			break
		}
		p.set("map", options, key, value, span)
		if key == "search" {
			at = span
		}
	}
	m.Template.Span = at
	if !p.failed && m.Template.Value == "" {
		p.fail(diag.Span{Start: start, End: start + 3}, "map has no search")
	}
	m.At = p.at(start)
	return m
}
