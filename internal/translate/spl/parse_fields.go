package spl

import (
	"strconv"
	"strings"

	"tocsin/internal/diag"
)

func parseWhere(p *parser, start int) Stage {
	x := p.expression()
	return &Where{p.at(start), x}
}

func parseEval(p *parser, start int) Stage {
	e := &Eval{}
	for !p.failed {
		e.Sets = append(e.Sets, p.assignment())
		if !p.accept(",") {
			break
		}
		if p.stageEnd() {
			break // Splunk ignores a trailing comma.
		}
	}
	e.At = p.at(start)
	return e
}

func (p *parser) assignment() Set {
	var name Name
	computed := false
	switch p.peek() {
	case '\'', '"':
		name = p.name()
	default:
		text, span := p.word(" \t\r\n,()[]|=\"")
		name = Name{text, span}
		computed = computes(text)
	}
	if name.Text == "" {
		p.fail(p.here(), "expected the name of a field%s", p.instead())
	}
	p.want("=")
	return Set{name, computed, p.expression()}
}

// computes reports whether a name contains a field name in braces.
func computes(name string) bool {
	_, rest, ok := strings.Cut(name, "{")
	return ok && (strings.Index(rest, "}") > 0 || computes(rest))
}

func parseRename(p *parser, start int) Stage {
	r := &Rename{}
	for p.separator(); !p.failed && !p.stageEnd(); p.separator() {
		from := p.name()
		if !p.keyword("as") {
			p.fail(p.here(), "expected AS and a new name%s", p.instead())
		}
		to := p.name()
		if !p.failed && strings.Count(to.Text, "*") > strings.Count(from.Text, "*") {
			p.fail(to.Span, "%s has more stars than %s", to.Text, from.Text)
		}
		r.Pairs = append(r.Pairs, Pair{from, to})
	}
	if len(r.Pairs) == 0 {
		p.fail(p.here(), "expected the name of a field%s", p.instead())
	}
	r.At = p.at(start)
	return r
}

func parseTable(p *parser, start int) Stage {
	names := p.wantNames()
	return &Table{p.at(start), names}
}

func parseFields(p *parser, start int) Stage {
	f := &Fields{}
	if p.accept("-") {
		f.Remove = true
	} else {
		p.accept("+")
	}
	f.Names = p.wantNames()
	f.At = p.at(start)
	return f
}

func parseFillnull(p *parser, start int) Stage {
	f := &Fillnull{Value: "0"}
	f.Names = p.namesAnd("fillnull", map[string]func(string) bool{"value": toText(&f.Value)})
	f.At = p.at(start)
	return f
}

func parseDedup(p *parser, start int) Stage {
	d := &Dedup{N: 1}
	options := map[string]func(string) bool{
		"keepevents": toFlag(&d.KeepEvents), "keepempty": toFlag(&d.KeepEmpty), "consecutive": toFlag(&d.Consecutive),
	}
	if isDigit(p.peek()) {
		text, span := p.word(wordEnd)
		if n, err := strconv.Atoi(text); err != nil || n < 1 {
			p.fail(span, "%s is no number of events", text)
		} else {
			d.N = n
		}
	}
	for p.separator(); !p.failed && !p.stageEnd() && !p.isKeyword("sortby"); p.separator() {
		if key, value, span, ok := p.option(); ok {
			p.set("dedup", options, key, value, span)
			continue
		}
		d.Names = append(d.Names, p.name())
	}
	if len(d.Names) == 0 {
		p.fail(p.here(), "expected the name of a field%s", p.instead())
	}
	if p.keyword("sortby") {
		d.SortBy = p.sortKeys()
	}
	d.At = p.at(start)
	return d
}

// maxSorted is the default maximum number of rows of sort.
const maxSorted = 10000

func parseSort(p *parser, start int) Stage {
	s := &Sort{Limit: maxSorted}
	if key, value, span, ok := p.option(); ok {
		p.set("sort", map[string]func(string) bool{"limit": toCount(&s.Limit)}, key, value, span)
	} else {
		p.leadingCount(&s.Limit)
	}
	s.Keys = p.sortKeys()
	s.At = p.at(start)
	return s
}

// sortKeys parses fields with an optional sign. A sign that is followed by a blank applies to its field only.
func (p *parser) sortKeys() []SortKey {
	var keys []SortKey
	for p.separator(); !p.failed && !p.stageEnd(); p.separator() {
		if p.keyword("desc") || p.keyword("d") {
			for i := range keys {
				keys[i].Descending = !keys[i].Descending
			}
			break
		}
		var k SortKey
		switch {
		case p.accept("-"):
			k.Descending = true
		case p.accept("+"):
		}
		k.Name = p.name()
		if inner, as, ok := sortForm(k.Name); ok {
			k.Name, k.As = inner, as
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		p.fail(p.here(), "expected the name of a field%s", p.instead())
	}
	return keys
}

var sortForms = map[string]bool{"auto": true, "num": true, "str": true, "ip": true}

// sortForm splits num(field), which is otherwise a valid name.
func sortForm(n Name) (inner Name, as string, ok bool) {
	as, rest, found := strings.Cut(n.Text, "(")
	if !found || !strings.HasSuffix(rest, ")") || !sortForms[strings.ToLower(as)] {
		return n, "", false
	}
	from := n.Span.Start + len(as) + 1
	return Name{strings.TrimSuffix(rest, ")"), diag.Span{Start: from, End: n.Span.End - 1}}, strings.ToLower(as), true
}

func parseBin(p *parser, start int) Stage {
	b := &Bin{Bins: 100}
	options := map[string]func(string) bool{
		"span": toStep(&b.Span), "bins": toCount(&b.Bins), "start": toNumber(&b.Start), "end": toNumber(&b.End), "minspan": toSpan(&b.Least),
		"aligntime": toAlign(&b.Align),
	}
	for p.separator(); !p.failed && !p.stageEnd(); p.separator() {
		if key, value, span, ok := p.option(); ok {
			p.set("bin", options, key, value, span)
			continue
		}
		if p.keyword("as") {
			b.As = p.name().Text
			continue
		}
		if b.Field.Text != "" {
			p.fail(p.here(), "bin takes one field")
		}
		b.Field = p.name()
	}
	if b.Field.Text == "" {
		p.fail(p.here(), "expected the name of a field%s", p.instead())
	}
	b.At = p.at(start)
	return b
}

var conversions = map[string]bool{
	"auto": true, "ctime": true, "mktime": true, "num": true, "none": true, "rmcomma": true, "rmunit": true, "dur2sec": true, "memk": true, "mstime": true,
}

func parseConvert(p *parser, start int) Stage {
	c := &Convert{TimeFormat: ConvertFormat}
	options := map[string]func(string) bool{"timeformat": toText(&c.TimeFormat)}
	for p.separator(); !p.failed && !p.stageEnd(); p.separator() {
		if key, value, span, ok := p.option(); ok {
			p.set("convert", options, key, value, span)
			continue
		}
		name, span := p.ident()
		f := Conversion{Func: strings.ToLower(name)}
		if !conversions[f.Func] && name != "" {
			p.unsupported(span, "the function %s of convert is not supported", name)
		}
		p.want("(")
		f.Field = p.name()
		p.want(")")
		if p.keyword("as") {
			f.As = p.name().Text
		}
		c.Sets = append(c.Sets, f)
	}
	if len(c.Sets) == 0 {
		p.fail(p.here(), "expected a function such as ctime(field)%s", p.instead())
	}
	c.At = p.at(start)
	return c
}
