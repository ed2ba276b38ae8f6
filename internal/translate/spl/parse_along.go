package spl

import (
	"strconv"
	"strings"
)

// named parses field AS name, with options before, between and after.
func (p *parser) named(command string, options map[string]func(string) bool) (field Name, as string) {
	for p.separator(); !p.failed && !p.stageEnd(); p.separator() {
		if key, value, span, ok := p.option(); ok {
			p.set(command, options, key, value, span)
			continue
		}
		switch {
		case field.Text == "":
			field = p.name()
		case as == "" && p.keyword("as"):
			as = p.name().Text
		default:
			p.fail(p.here(), "%s takes one field", command)
		}
	}
	if field.Text == "" {
		p.fail(p.here(), "expected the name of a field%s", p.instead())
	}
	return field, as
}

func parseAccum(p *parser, start int) Stage {
	a := &Accum{}
	if a.Field, a.As = p.named("accum", nil); a.As == "" {
		a.As = a.Field.Text
	}
	a.At = p.at(start)
	return a
}

func parseDelta(p *parser, start int) Stage {
	d := &Delta{Back: 1}
	if d.Field, d.As = p.named("delta", map[string]func(string) bool{"p": toRows(&d.Back)}); d.As == "" {
		d.As = "delta(" + d.Field.Text + ")"
	}
	d.At = p.at(start)
	return d
}

// maxBack is the maximum number of previous rows that are kept.
const maxBack = 10000

func toRows(to *int) func(string) bool {
	return func(v string) bool {
		n, err := strconv.Atoi(v)
		*to = n
		return err == nil && n >= 1 && n <= maxBack
	}
}

func parseAutoregress(p *parser, start int) Stage {
	a := &Autoregress{From: 1, To: 1}
	a.Field, a.As = p.named("autoregress", map[string]func(string) bool{"p": func(v string) bool {
		from, to, isRange := strings.Cut(v, "-")
		if !isRange {
			to = from
		}
		return toRows(&a.From)(from) && toRows(&a.To)(to) && a.From <= a.To
	}})
	a.At = p.at(start)
	if !p.failed && a.As != "" && a.From != a.To {
		p.fail(a.Span, "autoregress gives a name to one value, not to %d", a.To-a.From+1)
	}
	return a
}

func parseFilldown(p *parser, start int) Stage {
	names := p.names()
	return &Filldown{p.at(start), names}
}

func parseTrendline(p *parser, start int) Stage {
	t := &Trendline{}
	for p.separator(); !p.failed && !p.stageEnd(); p.separator() {
		name, span := p.ident()
		form, over, ok := trendForm(name)
		if !ok {
			p.unsupported(span, "%q is no moving average such as sma5, of 2 to 10000 rows", name)
			p.skipStage()
			break
		}
		p.want("(")
		trend := Trend{Func: form, Over: over, Field: p.name()}
		p.want(")")
		trend.As = form + strconv.Itoa(over) + "(" + trend.Field.Text + ")"
		if p.keyword("as") {
			trend.As = p.name().Text
		}
		t.Trends = append(t.Trends, trend)
	}
	if len(t.Trends) == 0 {
		p.fail(p.here(), "expected a moving average such as sma5(field)%s", p.instead())
	}
	t.At = p.at(start)
	return t
}
