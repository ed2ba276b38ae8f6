package spl

import (
	"strconv"
	"strings"
)

// Predict foretells the values of fields from those of the rows before.
type Predict struct {
	At
	Fields []Forecast
	// Method is LL (a level), LLT (a level and a trend), LLP (a level and a season) or LLP5 (both).
	Method string
	// Period is how many rows a season has; 0 is found out.
	Period int
	// Future is how many rows are added, Holdback how many of the last ones are not looked at.
	Future, Holdback int
	// Upper and Lower are how sure it is, in percent, that a value lies below and above its bound.
	Upper, Lower float64
}

// Forecast is one field, and the names of what is foretold and of the bounds; "" is the usual one.
type Forecast struct {
	Field                Name
	As, UpperAs, LowerAs string
}

const (
	usualFuture = 5
	usualSure   = 95
	usualMethod = "LLP5"
)

// Command returns predict.
func (*Predict) Command() string { return "predict" }

// String writes predict with its fields.
func (p *Predict) String() string {
	method := ""
	if p.Method != usualMethod {
		method = "algorithm=" + p.Method
	}
	text := line("predict", method, number("period", p.Period, 0), number("future_timespan", p.Future, usualFuture), number("holdback", p.Holdback, 0))
	for _, f := range p.Fields {
		text = line(text, f.Field.String(), as(f.As, "prediction("+f.Field.Text+")"), sure("upper", p.Upper, f.UpperAs), sure("lower", p.Lower, f.LowerAs))
	}
	return text
}

func sure(name string, percent float64, field string) string {
	if percent == usualSure && field == "" {
		return ""
	}
	return name + decimal(percent) + "=" + quote(field)
}

var forecastMethods = []string{"LL", "LLT", "LLP", "LLP5"}

func parsePredict(p *parser, start int) Stage {
	c := &Predict{Method: usualMethod, Future: usualFuture, Upper: usualSure, Lower: usualSure}
	options := map[string]func(string) bool{
		"algorithm": oneOf(&c.Method, forecastMethods...), "period": toCount(&c.Period), "future_timespan": toCount(&c.Future),
		"holdback": toCount(&c.Holdback), "nulls": ignored,
	}
	for p.separator(); !p.failed && !p.stageEnd(); p.separator() {
		if p.isKeyword("as") && len(c.Fields) > 0 {
			p.keyword("as")
			c.Fields[len(c.Fields)-1].As = p.name().Text
			continue
		}
		if key, value, span, ok := p.option(); ok {
			if !c.bound(key, value) {
				p.set("predict", options, key, value, span)
			}
			continue
		}
		n := p.name()
		c.Fields = append(c.Fields, Forecast{Field: n, As: "prediction(" + n.Text + ")"})
	}
	if len(c.Fields) == 0 {
		p.fail(p.here(), "expected the name of a field%s", p.instead())
	}
	c.At = p.at(start)
	return c
}

// bound reads upper95=name or lower95=name, of the field before it.
func (p *Predict) bound(key, value string) bool {
	rest, upper := strings.CutPrefix(key, "upper")
	rest, lower := strings.CutPrefix(rest, "lower")
	n, err := strconv.ParseFloat(rest, 64)
	if upper == lower || err != nil || n <= 0 || n >= 100 {
		return false
	}
	to, named := &p.Lower, new(string)
	if i := len(p.Fields) - 1; i >= 0 {
		named = &p.Fields[i].LowerAs
	}
	if upper {
		to = &p.Upper
		if i := len(p.Fields) - 1; i >= 0 {
			named = &p.Fields[i].UpperAs
		}
	}
	*to, *named = n, value
	return true
}
