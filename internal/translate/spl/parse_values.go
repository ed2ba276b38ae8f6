package spl

import (
	"strconv"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/match/pcre"
)

// text parses a quoted string or a word.
func (p *parser) text() Text {
	if c := p.peek(); c == '"' {
		text, span, ok := p.quoted()
		if !ok {
			p.fail(span, "the quotes do not end")
		}
		return Text{text, span}
	}
	text, span := p.word(" \t\r\n|]")
	if text == "" {
		p.fail(p.here(), "expected a text%s", p.instead())
	}
	return Text{text, span}
}

func parseRex(p *parser, start int) Stage {
	r := &Rex{Field: "_raw", MaxMatch: 1}
	options := map[string]func(string) bool{
		"field": toText(&r.Field), "max_match": toCount(&r.MaxMatch), "offset_field": toText(&r.Offset),
		"mode": func(v string) bool { r.Sed = strings.EqualFold(v, "sed"); return r.Sed },
	}
	found := false
	for !p.failed && !p.stageEnd() {
		if key, value, span, ok := p.option(); ok {
			p.set("rex", options, key, value, span)
			continue
		}
		if found {
			p.fail(p.here(), "rex takes one pattern")
		}
		r.Pattern, found = p.text(), true
	}
	if !found {
		p.fail(p.here(), "expected a pattern%s", p.instead())
	}
	r.At = p.at(start)
	if !p.failed && !r.Sed {
		if _, err := pcre.Compile(r.Pattern.Value); err != nil {
			p.badPattern(r.Pattern.Span, err)
		}
	}
	return r
}

// badPattern reports a pattern that does not compile.
func (p *parser) badPattern(span diag.Span, err error) {
	if !p.failed {
		p.failed = true
		p.diags = append(p.diags, p.source.Report(diag.Error, CodeValue, span, "%v", err))
		p.pos = len(p.src)
	}
}

func parseRegex(p *parser, start int) Stage {
	r := &Regex{Field: "_raw"}
	p.blank()
	back := p.pos
	n, _ := p.subject()
	switch op := p.compareOp(); op {
	case "=":
		r.Field = n.Text
	case "!=":
		r.Field, r.Negate = n.Text, true
	case "":
		p.pos = back
	default:
		p.fail(p.here(), "regex takes = or !=")
	}
	r.Pattern = p.text()
	r.At = p.at(start)
	if !p.failed {
		if _, err := pcre.Compile(r.Pattern.Value); err != nil {
			p.badPattern(r.Pattern.Span, err)
		}
	}
	return r
}

func parseMvexpand(p *parser, start int) Stage {
	m := &Mvexpand{}
	options := map[string]func(string) bool{"limit": toCount(&m.Limit)}
	p.options("mvexpand", options)
	m.Field = p.name()
	p.options("mvexpand", options)
	m.At = p.at(start)
	return m
}

func parseMakemv(p *parser, start int) Stage {
	m := &Makemv{Delim: " "}
	var tokenizer string
	var at diag.Span
	options := map[string]func(string) bool{
		"delim": toText(&m.Delim), "allowempty": toFlag(&m.AllowEmpty), "tokenizer": toText(&tokenizer), "setsv": ignored,
	}
	for !p.failed && !p.stageEnd() {
		if key, value, span, ok := p.option(); ok {
			p.set("makemv", options, key, value, span)
			if key == "tokenizer" {
				at = span
			}
			continue
		}
		if m.Field.Text != "" {
			p.fail(p.here(), "makemv takes one field")
		}
		m.Field = p.name()
	}
	if m.Field.Text == "" {
		p.fail(p.here(), "expected the name of a field%s", p.instead())
	}
	if tokenizer != "" {
		m.Tokenizer = &Text{tokenizer, at}
		if _, err := pcre.Compile(tokenizer); err != nil {
			p.badPattern(at, err)
		}
	}
	m.At = p.at(start)
	return m
}

func parseNomv(p *parser, start int) Stage {
	n := p.name()
	return &Nomv{p.at(start), n}
}

func parseMvcombine(p *parser, start int) Stage {
	m := &Mvcombine{Delim: " "}
	p.options("mvcombine", map[string]func(string) bool{"delim": toText(&m.Delim)})
	m.Field = p.name()
	m.At = p.at(start)
	return m
}

func parseSpath(p *parser, start int) Stage {
	s := &Spath{Input: "_raw"}
	options := map[string]func(string) bool{"input": toText(&s.Input), "output": toText(&s.Output), "path": toText(&s.Path)}
	for !p.failed && !p.stageEnd() {
		if key, value, span, ok := p.option(); ok {
			p.set("spath", options, key, value, span)
			p.passComma()
			continue
		}
		if s.Path != "" {
			p.fail(p.here(), "spath takes one path")
		}
		s.Path = p.name().Text
	}
	if s.Path != "" && s.Output == "" {
		s.Output = s.Path
	}
	s.At = p.at(start)
	if s.Path == "" && s.Output != "" {
		p.fail(s.Span, "spath with output wants a path")
	}
	return s
}

func parseFromJSON(p *parser, start int) Stage {
	f := &FromJSON{}
	options := map[string]func(string) bool{"prefix": toText(&f.Prefix)}
	p.options("fromjson", options)
	f.Field = p.name()
	p.options("fromjson", options)
	f.At = p.at(start)
	return f
}

func parseXmlkv(p *parser, start int) Stage {
	x := &Xmlkv{Field: "_raw"}
	p.options("xmlkv", map[string]func(string) bool{"maxinputs": ignored})
	if !p.stageEnd() {
		x.Field = p.name().Text
	}
	x.At = p.at(start)
	return x
}

func parseExtract(p *parser, start int) Stage {
	e := &Extract{PairDelim: ",;|\n", KVDelim: "=:"}
	given := false
	delim := func(to *string) func(string) bool {
		return func(v string) bool { *to, given = v, true; return true }
	}
	p.options("extract", map[string]func(string) bool{
		"pairdelim": delim(&e.PairDelim), "kvdelim": delim(&e.KVDelim), "reload": ignored, "clean_keys": ignored, "limit": ignored,
		"maxchars": ignored, "auto": ignored,
	})
	e.Auto = !given
	e.At = p.at(start)
	return e
}

func parseReplace(p *parser, start int) Stage {
	r := &Replace{}
	for p.separator(); !p.failed && !p.stageEnd() && !p.isKeyword("in"); p.separator() {
		from := p.value(true)
		p.passComma()
		if !p.keyword("with") {
			p.fail(p.here(), "expected WITH and a new value%s", p.instead())
		}
		p.blank()
		r.Pairs = append(r.Pairs, Replacement{from, p.value(true)})
	}
	if len(r.Pairs) == 0 {
		p.fail(p.here(), "expected a value%s", p.instead())
	}
	if p.keyword("in") {
		r.In = p.wantNames()
	}
	r.At = p.at(start)
	return r
}

func plainName(s string) bool {
	for i := range len(s) {
		if !isLetter(s[i]) && !isDigit(s[i]) {
			return false
		}
	}
	return s != "" && !isDigit(s[0])
}

func parseMakeresults(p *parser, start int) Stage {
	m := &Makeresults{N: 1}
	p.options("makeresults", map[string]func(string) bool{
		"count": toCount(&m.N), "annotate": ignored, "splunk_server": ignored, "splunk_server_group": ignored,
		"format": oneOf(&m.Form, "csv", "json"), "data": toText(&m.Data),
	})
	m.At = p.at(start)
	if !p.failed && (m.Form == "") != (m.Data == "") {
		p.fail(m.Span, "makeresults wants both of format and data")
	}
	return m
}

func parseIPLocation(p *parser, start int) Stage {
	l := &IPLocation{}
	options := map[string]func(string) bool{"prefix": toText(&l.Prefix), "allfields": toFlag(&l.AllFields), "lang": ignored}
	p.options("iplocation", options)
	l.Field = p.name()
	p.options("iplocation", options)
	l.At = p.at(start)
	return l
}

func seconds(to *float64) func(string) bool {
	return func(v string) bool {
		if v == "-1" {
			*to = -1
			return true
		}
		s, ok := parseSpan(v)
		if !ok {
			return false
		}
		*to, ok = s.Seconds()
		return ok
	}
}

func count(v string) (int, bool) {
	n, err := strconv.Atoi(v)
	return n, err == nil
}
