package spl

import (
	"strconv"
	"strings"
)

func parseStrcat(p *parser, start int) Stage {
	s := &Strcat{}
	options := map[string]func(string) bool{"allrequired": toFlag(&s.AllRequired)}
	p.options("strcat", options)
	for p.separator(); !p.failed && !p.stageEnd(); p.separator() {
		literal := p.peek() == '"'
		s.Parts = append(s.Parts, CatPart{p.name(), literal})
	}
	if n := len(s.Parts) - 1; n >= 1 {
		s.To, s.Parts = s.Parts[n].Name, s.Parts[:n]
	} else {
		p.fail(p.here(), "expected fields and the name of a new one%s", p.instead())
	}
	s.At = p.at(start)
	return s
}

func parseRangemap(p *parser, start int) Stage {
	r := &Rangemap{Default: rangeDefault}
	for p.separator(); !p.failed && !p.stageEnd(); p.separator() {
		key, value, span, ok := p.option()
		if !ok {
			p.fail(p.here(), "expected a range such as low=0-30")
			break
		}
		name := p.src[span.Start:][:len(key)] // As written: the key is in lower case.
		switch key {
		case "field":
			r.Field = Name{value, span}
		case "default":
			r.Default = value
		default:
			low, high, ok := readRange(value)
			if !ok {
				p.fail(span, "%s is no range such as 0-30", value)
			}
			r.Ranges = append(r.Ranges, Range{name, low, high})
		}
	}
	r.At = p.at(start)
	if !p.failed && r.Field.Text == "" {
		p.fail(r.Span, "rangemap wants field=name")
	}
	return r
}

// readRange parses low-high; both may be negative.
func readRange(s string) (low, high float64, ok bool) {
	for i := 1; i < len(s); i++ {
		if s[i] != '-' {
			continue
		}
		low, errLow := strconv.ParseFloat(s[:i], 64)
		high, errHigh := strconv.ParseFloat(s[i+1:], 64)
		return low, high, errLow == nil && errHigh == nil && low <= high
	}
	return 0, 0, false
}

var jsonTypes = []string{"auto", "num", "str", "bool", "json", "none"}

func parseToJSON(p *parser, start int) Stage {
	t := &ToJSON{Output: "_raw", Type: jsonUsual}
	options := map[string]func(string) bool{
		"output_field": toText(&t.Output), "fill_null": toFlag(&t.Null), "include_internal": toFlag(&t.Internal),
		"default_type": oneOf(&t.Type, jsonTypes...),
	}
	for p.separator(); !p.failed && !p.stageEnd(); p.separator() {
		if key, value, span, ok := p.option(); ok {
			p.set("tojson", options, key, value, span)
			continue
		}
		f := JSONField{Name: p.name()}
		if kind, inner, ok := strings.Cut(f.Name.Text, "("); ok && strings.HasSuffix(inner, ")") {
			if !oneOf(&f.Type, jsonTypes...)(kind) {
				p.unsupported(f.Name.Span, "the type %s of tojson is not supported", kind)
			}
			f.Name.Text = strings.TrimSuffix(inner, ")")
		}
		t.Fields = append(t.Fields, f)
	}
	t.At = p.at(start)
	return t
}

// oneOf parses one of several words, in any case.
func oneOf(to *string, words ...string) func(string) bool {
	return func(v string) bool {
		for _, w := range words {
			if strings.EqualFold(w, v) {
				*to = w
				return true
			}
		}
		return false
	}
}

func parseFieldformat(p *parser, start int) Stage {
	set := p.assignment()
	return &Fieldformat{p.at(start), set}
}

// parseNoop parses a command that affects how a search runs but not its results.
func parseNoop(name string) func(p *parser, start int) Stage {
	return func(p *parser, start int) Stage {
		for p.separator(); !p.failed && !p.stageEnd(); p.separator() {
			if _, _, _, ok := p.option(); !ok {
				p.name()
			}
		}
		return &Noop{p.at(start), name}
	}
}

func parseAddInfo(p *parser, start int) Stage { return &AddInfo{p.at(start)} }

func parseMakecontinuous(p *parser, start int) Stage {
	m := &Makecontinuous{}
	options := map[string]func(string) bool{
		"span": toSpan(&m.Span), "bins": toCount(&m.Bins), "start": toNumber(&m.Start), "end": toNumber(&m.End),
	}
	for p.separator(); !p.failed && !p.stageEnd(); p.separator() {
		if key, value, span, ok := p.option(); ok {
			p.set("makecontinuous", options, key, value, span)
			continue
		}
		if m.Field.Text != "" {
			p.fail(p.here(), "makecontinuous takes one field")
		}
		m.Field = p.name()
	}
	m.At = p.at(start)
	if m.Field.Text == "" {
		m.Field = Name{"_time", m.Pos()}
	}
	return m
}

func parseOutlier(p *parser, start int) Stage {
	o := &Outlier{Times: outlierTimes}
	action, kind := "transform", "iqr"
	times := &o.Times
	options := map[string]func(string) bool{
		"action": oneOf(&action, "remove", "rm", "transform", "tf"), "type": oneOf(&kind, "iqr"), "uselower": toFlag(&o.Lower),
		"mark": toFlag(&o.Mark), "param": toNumber(&times),
	}
	o.Names = p.namesAnd("outlier", options)
	if o.Remove = action[0] == 'r'; times != nil {
		o.Times = *times
	}
	o.At = p.at(start)
	return o
}

// wantNamesAnd is namesAnd, and requires at least one name.
func (p *parser) wantNamesAnd(command string, options map[string]func(string) bool, until ...string) []Name {
	names := p.namesAnd(command, options, until...)
	if len(names) == 0 {
		p.fail(p.here(), "expected the name of a field%s", p.instead())
	}
	return names
}

// namesAnd parses names, with options before, between and after them.
func (p *parser) namesAnd(command string, options map[string]func(string) bool, until ...string) []Name {
	var names []Name
	for p.separator(); !p.failed && !p.stageEnd() && p.peek() != '[' && !p.isKeyword(until...); p.separator() {
		if key, value, span, ok := p.option(); ok {
			p.set(command, options, key, value, span)
			continue
		}
		names = append(names, p.name())
	}
	return names
}

// usualTotal is the default name of sums.
const usualTotal = "Total"

func parseAddTotals(p *parser, start int) Stage {
	a := &AddTotals{As: usualTotal, Label: usualTotal}
	row := true
	a.Names = p.namesAnd("addtotals", map[string]func(string) bool{
		"fieldname": toText(&a.As), "row": toFlag(&row), "col": toFlag(&a.Column), "labelfield": toText(&a.LabelField), "label": toText(&a.Label),
	})
	a.NoRow = !row
	a.At = p.at(start)
	return a
}

func parseAddColTotals(p *parser, start int) Stage {
	a := &AddTotals{As: usualTotal, Label: usualTotal, NoRow: true, Column: true}
	a.Names = p.namesAnd("addcoltotals", map[string]func(string) bool{"labelfield": toText(&a.LabelField), "label": toText(&a.Label)})
	a.At = p.at(start)
	return a
}
