package spl

import (
	"maps"
	"strconv"
	"strings"
)

func parseChart(p *parser, start int, time bool) Stage {
	c := &Chart{Time: time, Limit: usualColumns, Other: usualOther, Null: usualNull, Columns: Columns{Sep: usualSep}}
	other, null, cont, fixed := true, true, true, true
	options := map[string]func(string) bool{
		"limit": func(v string) bool { return c.limit(v) }, "useother": toFlag(&other), "usenull": toFlag(&null),
		"otherstr": toText(&c.Other), "nullstr": toText(&c.Null), "sep": toText(&c.Columns.Sep), "format": toText(&c.Columns.Format),
		"cont": toFlag(&cont), "dedup_splitvals": only("false", "f"), "agg": only("sum"),
	}
	if time {
		options["partial"], options["fixedrange"] = only("true", "t", "1"), toFlag(&fixed)
		with(options, stepOptions(&c.OverSteps))
		c.Over = &Name{Text: "_time"}
	}
	p.options(c.Command(), options)
	for !p.failed && !p.stageEnd() {
		p.separator()
		switch {
		case p.keyword("over") && !time:
			c.Over = p.split(c.Command(), options, &c.OverSteps)
		case p.keyword("by"):
			c.By = p.split(c.Command(), options, &c.BySteps)
			if p.separator(); !time && c.Over == nil {
				c.Over, c.OverSteps, c.By, c.BySteps = c.By, c.BySteps, nil, Steps{}
				if !p.failed && !p.stageEnd() && !p.isKeyword("where") {
					c.By = p.split(c.Command(), options, &c.BySteps)
				}
			}
		case p.isKeyword("where"):
			p.series(c)
		case p.stageEnd():
		default:
			if key, value, span, ok := p.option(); ok {
				p.set(c.Command(), options, key, value, span)
			} else if a, ok := p.agg(); ok {
				if _, rate := Rate(a.Func); rate && !time {
					p.unsupported(a.Span, "the function %s is of timechart alone", a.Func)
				} else if rate && (a.Field == nil && a.X == nil || a.Field != nil && strings.Contains(a.Field.Text, "*")) {
					p.unsupported(a.Span, "%s is not supported of other than one field", a.Func)
				}
				c.Aggs = append(c.Aggs, a)
			}
		}
	}
	c.NoOther, c.NoNull, c.Gaps, c.Loose = !other, !null, !cont, !fixed
	p.wantAggs(c.Aggs, start, c.Command())
	c.At = p.at(start)
	return c
}

// series parses where after the split-by field: an aggregation of a column and a test on it.
func (p *parser) series(c *Chart) {
	at := p.here()
	p.keyword("where")
	name, span := p.aggName()
	_, isPercent := percentile(strings.ToLower(name))
	s := &Series{Func: alias(strings.ToLower(name))}
	switch _, known := aggregates[s.Func]; {
	case c.By == nil:
		p.unsupported(at, "where within %s is not supported without a field of columns", c.Command())
	case !known && !isPercent || s.Func == "sparkline" || p.peek() == '(':
		p.unsupported(span, "where within %s is about a function of the columns, such as where max > 10", c.Command())
	}
	switch {
	case p.accept("<"), p.accept(">"):
		s.Op = p.src[p.pos-1 : p.pos]
		text, span := p.word(wordEnd)
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			p.fail(span, "expected a number")
		}
		s.Than = n
	case p.isKeyword("in", "notin"):
		op, _ := p.ident()
		s.Op = strings.ToLower(op)
		text, span := p.word(wordEnd)
		text = strings.ToLower(text)
		rest, least := strings.CutPrefix(text, "bottom")
		if s.Least = least; !toCount(&s.N)(strings.TrimPrefix(rest, "top")) {
			p.fail(span, "expected top or bottom and a number, such as top10")
		}
	default:
		if p.skipStage(); !p.diags.HasErrors() {
			p.fail(p.here(), "expected <, >, in or notin%s", p.instead())
		}
	}
	c.Where = s
}

// limit parses 5, top5 or bottom5.
func (c *Chart) limit(v string) bool {
	v = strings.ToLower(strings.ReplaceAll(v, " ", ""))
	if rest, ok := strings.CutPrefix(v, "bottom"); ok {
		v, c.Bottom = rest, true
	}
	return toCount(&c.Limit)(strings.TrimPrefix(v, "top"))
}

// split parses a field with its options.
func (p *parser) split(command string, options map[string]func(string) bool, steps *Steps) *Name {
	n := p.name()
	own := stepOptions(steps)
	with(own, options)
	with(own, stepOptions(steps))
	p.options(command, own)
	return &n
}

func stepOptions(s *Steps) map[string]func(string) bool {
	return map[string]func(string) bool{
		"span": toStep(&s.Span), "bins": toCount(&s.Bins), "aligntime": toAlign(&s.Align), "minspan": toSpan(&s.Least),
	}
}

func with(options, more map[string]func(string) bool) {
	maps.Copy(options, more)
}

func parseXyseries(p *parser, start int) Stage {
	x := &Xyseries{Columns: Columns{Sep: usualSep}}
	names := p.namesAnd("xyseries", map[string]func(string) bool{
		"grouped": toFlag(&x.Grouped), "sep": toText(&x.Columns.Sep), "format": toText(&x.Columns.Format),
	})
	x.At = p.at(start)
	if len(names) < 3 {
		p.fail(p.here(), "xyseries wants the fields of rows, of names and of values%s", p.instead())
		return x
	}
	x.X, x.Name, x.Values = names[0], names[1], names[2:]
	return x
}

func parseUntable(p *parser, start int) Stage {
	names := p.names()
	u := &Untable{At: p.at(start)}
	if len(names) != 3 {
		p.fail(u.Span, "untable wants the fields of rows, of names and of values")
		return u
	}
	u.X, u.Name, u.Value = names[0], names[1], names[2]
	return u
}

func parseTranspose(p *parser, start int) Stage {
	t := &Transpose{Max: usualRows, Column: usualColumn}
	empty := true
	options := map[string]func(string) bool{
		"column_name": toText(&t.Column), "header_field": toText(&t.Header), "include_empty": toFlag(&empty), "int": toCount(&t.Max),
	}
	counted := false
	for p.separator(); !p.failed && !p.stageEnd(); p.separator() {
		if key, value, span, ok := p.option(); ok {
			p.set("transpose", options, key, value, span)
			continue
		}
		text, span := p.word(wordEnd)
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || counted {
			p.fail(span, "transpose takes a number of rows")
		}
		t.Max, counted = n, true
	}
	t.SkipEmpty = !empty
	t.At = p.at(start)
	return t
}
