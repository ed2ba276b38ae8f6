package spl

import (
	"strings"

	"tocsin/internal/diag"
)

func parseStats(p *parser, start int, kind StatsKind) Stage {
	a := &Aggregate{Kind: kind}
	options := map[string]func(string) bool{"allnum": only("false", "f"), "partitions": ignored, "delim": ignored, "dedup_splitvals": ignored}
	current, global := true, true
	if kind == Streamstats {
		options["window"], options["current"], options["global"] = toCount(&a.Window), toFlag(&current), toFlag(&global)
	}
	if kind == Streamstats {
		options["reset_on_change"], options["time_window"] = toFlag(&a.OnChange), toSpan(&a.Within)
	}
	by := false
	for p.separator(); !p.failed && !p.stageEnd(); p.separator() {
		switch {
		case kind == Streamstats && p.resets(a), p.oneOption(a.Command(), options):
		case by:
			a.By = append(a.By, p.name())
		case p.keyword("by"):
			by = true
		default:
			if one, ok := p.agg(); ok {
				if _, rate := Rate(one.Func); rate {
					p.unsupported(one.Span, "the function %s is of timechart alone", one.Func)
				}
				a.Aggs = append(a.Aggs, one)
			}
		}
	}
	if by && len(a.By) == 0 {
		p.fail(p.here(), "expected the name of a field%s", p.instead())
	}
	a.NoCurrent, a.Global = !current, global
	p.wantAggs(a.Aggs, start, a.Command())
	a.At = p.at(start)
	return a
}

// oneOption parses one option, if one follows.
func (p *parser) oneOption(command string, options map[string]func(string) bool) bool {
	key, value, span, ok := p.option()
	if ok {
		p.set(command, options, key, value, span)
	}
	return ok && !p.failed
}

// resets parses reset_before=(expression) or reset_after=(expression), optionally quoted.
func (p *parser) resets(a *Aggregate) bool {
	back := p.pos
	word, _ := p.ident()
	to := map[string]*Node{"reset_before": &a.ResetBefore, "reset_after": &a.ResetAfter}[strings.ToLower(word)]
	if to == nil || !p.accept("=") {
		p.pos = back
		return false
	}
	if p.peek() != '"' {
		*to = p.operand()
		return !p.failed
	}
	text, span, ok := p.quoted()
	if !ok {
		p.fail(span, "the quotes do not end")
		return false
	}
	// Blanks replace the text before, so that positions stay right.
	inner := parser{scanner: scanner{src: strings.Repeat(" ", span.Start+1) + text}, source: p.source, depth: p.depth}
	if *to = inner.expression(); inner.failed || inner.peek() != 0 {
		p.fail(span, "%q is no expression", text)
	}
	p.diags = append(p.diags, inner.diags...)
	return !p.failed
}

func (p *parser) wantAggs(aggs []Agg, start int, command string) {
	if len(aggs) == 0 {
		p.fail(diag.Span{Start: start, End: start + len(command)}, "%s has no function, such as count", command)
	}
}

func (p *parser) agg() (a Agg, ok bool) {
	name, span := p.aggName()
	if name == "" {
		p.fail(p.here(), "expected a function such as count%s", p.instead())
		return a, false
	}
	a.Func = strings.ToLower(name)
	if a.Func == "sparkline" {
		return p.sparkline(span)
	}
	percent, isPercent := percentile(a.Func)
	a.Percent = percent
	shown, known := aggregates[a.Func]
	switch {
	case isPercent:
		shown = a.Func
	case !known:
		p.unsupported(span, "the function %s is not supported", name)
		shown = a.Func
	}
	hasArgs := p.pos < len(p.src) && p.peek() == '('
	if hasArgs {
		p.pos++
		p.aggArgument(&a)
		p.want(")")
	}
	if p.failed { // The parsed text has no position.
		return a, false
	}
	a.Span = p.at(span.Start).Span
	a.As = shown
	switch {
	case a.Field != nil:
		a.As = name + "(" + a.Field.Text + ")"
		if known && shown != a.Func {
			a.As = shown + "(" + a.Field.Text + ")"
		}
	case a.X != nil:
		a.As = shown + "(eval(" + strings.Join(strings.Fields(p.src[a.X.Pos().Start:a.X.Pos().End]), " ") + "))"
	case a.Func != "count" && a.Func != "c" && known:
		p.fail(span, "%s wants a field: %s(field)", name, name)
	}
	if known && !isPercent {
		a.Func = alias(a.Func)
	}
	if p.keyword("as") {
		a.As = p.name().Text
		a.Span = p.at(span.Start).Span
	}
	return a, !p.failed
}

// sparkline parses sparkline(function, span).
func (p *parser) sparkline(name diag.Span) (a Agg, ok bool) {
	a.Func = "sparkline"
	if p.peek() != '(' {
		// Without a function it is sparkline(count).
		a.As, a.Span = "sparkline", name
		a.Inner = &Agg{Func: "count", As: "count", Span: name}
		if p.keyword("as") {
			a.As = p.name().Text
			a.Span = p.at(name.Start).Span
		}
		return a, !p.failed
	}
	p.want("(")
	inner, ok := p.agg()
	a.Inner, a.Field, a.X = &inner, inner.Field, inner.X
	if p.accept(",") {
		text, span := p.word(")")
		if !toSpan(&a.Step)(strings.TrimSpace(text)) {
			p.fail(span, "%s is no length of time such as 1h", text)
		}
	}
	p.want(")")
	a.Span = p.at(name.Start).Span
	if a.As = p.src[a.Span.Start:a.Span.End]; p.keyword("as") {
		a.As = p.name().Text
		a.Span = p.at(name.Start).Span
	}
	return a, ok && !p.failed
}

// alias returns the canonical name of a function.
func alias(name string) string {
	switch name {
	case "c":
		return "count"
	case "distinct_count", "estdc":
		return "dc"
	case "mean":
		return "avg"
	}
	return name
}

// aggName parses a function name; percentiles may contain a dot.
func (p *parser) aggName() (string, diag.Span) {
	p.blank()
	start := p.pos
	for p.pos < len(p.src) && (isLetter(p.src[p.pos]) || p.pos > start && (isDigit(p.src[p.pos]) || p.src[p.pos] == '.')) {
		p.pos++
	}
	return p.src[start:p.pos], diag.Span{Start: start, End: p.pos}
}

// aggArgument parses the argument: nothing, a field, or eval(expression).
func (p *parser) aggArgument(a *Agg) {
	if p.peek() == ')' {
		return
	}
	back := p.pos
	if p.keyword("eval") && p.accept("(") {
		a.X = p.expression()
		p.want(")")
		return
	}
	p.pos = back
	if c := p.peek(); c == '"' || c == '\'' {
		n := p.name()
		a.Field = &n
		return
	}
	// A name may contain blanks and calls such as IsOutlier(x) here; only the parenthesis ends it.
	text, span := p.word(")|[]\"")
	for !p.failed && strings.Count(text, "(") > strings.Count(text, ")") && p.accept(")") {
		p.word(")|[]\"")
		span.End = p.pos
		text = p.src[span.Start:span.End]
	}
	trimmed := strings.TrimRight(text, " \t\r\n")
	span.End -= len(text) - len(trimmed)
	if trimmed == "" {
		p.fail(p.here(), "expected the name of a field")
	}
	a.Field = &Name{trimmed, span}
}

func parseTop(p *parser, start int, rare bool) Stage {
	t := &Top{Rare: rare, Limit: 10, CountAs: "count", ShareAs: "percent"}
	count, share, other, otherText := true, true, false, usualOther
	options := map[string]func(string) bool{
		"limit": toCount(&t.Limit), "showcount": toFlag(&count), "showperc": toFlag(&share), "countfield": toText(&t.CountAs),
		"percentfield": toText(&t.ShareAs), "useother": toFlag(&other), "otherstr": toText(&otherText),
	}
	p.leadingCount(&t.Limit)
	t.Names = p.wantNamesAnd(t.Command(), options, "by")
	if p.keyword("by") {
		t.By = p.wantNamesAnd(t.Command(), options)
	}
	if t.NoCount, t.NoShare = !count, !share; other {
		t.Other = otherText
	}
	t.At = p.at(start)
	return t
}
