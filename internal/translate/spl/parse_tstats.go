package spl

import (
	"slices"
	"strings"
)

func parseTstats(p *parser, start int, metrics bool) Stage {
	t := &Tstats{Metrics: metrics}
	options := map[string]func(string) bool{
		"summariesonly": toFlag(&t.SummariesOnly), "allow_old_summaries": ignored, "local": ignored, "chunk_size": ignored,
		"include_reduced_buckets": ignored, "prestats": toFlag(&t.Prestats), "append": toFlag(&t.Append),
		"fillnull_value": func(v string) bool { t.Fill = &v; return true },
	}
	if metrics {
		options["span"], options["backfill"], options["update_period"] = toSpan(&t.Span), ignored, ignored
	}
	for !p.failed && !p.stageEnd() {
		p.separator()
		switch {
		case p.keyword("from"):
			p.tstatsFrom(t)
		case p.keyword("where"):
			p.tstatsWhere(t)
		case p.keyword("by"), p.keyword("groupby"):
			p.tstatsBy(t)
		case p.stageEnd():
		default:
			if key, value, span, ok := p.option(); ok {
				p.set(t.Command(), options, key, value, span)
				continue
			}
			if a, ok := p.agg(); ok {
				t.Aggs = append(t.Aggs, a)
			}
		}
	}
	p.wantAggs(t.Aggs, start, t.Command())
	t.At = p.at(start)
	switch {
	case p.failed:
	case t.Append && !t.Prestats:
		p.fail(t.Pos(), "%s with append=true wants prestats=true", t.Command())
	case metrics:
		p.metrics(t)
	}
	return t
}

// metrics replaces _value with the field in metric_name, and moves the span to By.
func (p *parser) metrics(t *Tstats) {
	var name string
	var rest []Expr
	for _, x := range members(t.Where) {
		c, ok := x.(*Compare)
		switch {
		case ok && strings.EqualFold(c.Field.Text, "metric_name") && c.Op == "=" && !strings.Contains(c.Value.Text, "*"):
			name = c.Value.Text
		case ok && c.Field.Text == "span" && c.Op == "=":
			p.set("mstats", map[string]func(string) bool{"span": toSpan(&t.Span)}, "span", c.Value.Text, c.Pos())
		default:
			rest = append(rest, x)
		}
	}
	if t.Where = nil; len(rest) > 0 {
		t.Where = rest[0]
	}
	if len(rest) > 1 {
		t.Where = &And{rest}
	}
	for i, a := range t.Aggs {
		if a.Field == nil || a.Field.Text != "_value" {
			continue
		}
		if name == "" {
			p.unsupported(a.Span, "_value without metric_name=name is not supported")
			return
		}
		t.Aggs[i].Field = &Name{name, a.Field.Span}
	}
	if t.Span != nil && !slices.ContainsFunc(t.By, func(n Name) bool { return n.Text == "_time" }) {
		t.By = append(t.By, Name{"_time", t.Pos()})
	}
}

func members(x Expr) []Expr {
	switch x := x.(type) {
	case nil:
		return nil
	case *And:
		return x.Xs
	}
	return []Expr{x}
}

// tstatsFrom parses datamodel=Model.Dataset, or datamodel Model.Dataset.
func (p *parser) tstatsFrom(t *Tstats) {
	if !p.keyword("datamodel") {
		p.unsupported(p.here(), "%s reads data models only", t.Command())
		p.word(" \t\r\n|]")
		return
	}
	p.accept("=")
	t.Model, t.Dataset = p.datamodel()
}

func (p *parser) datamodel() (model, dataset string) {
	p.accept(":")
	n := p.name()
	model, dataset, _ = strings.Cut(strings.Trim(n.Text, `"`), ".")
	return model, dataset
}

// tstatsWhere parses the condition. A nodename in it is the dataset.
func (p *parser) tstatsWhere(t *Tstats) {
	p.blank()
	start := p.here()
	t.Where = p.condition("by", "groupby")
	if t.Where == nil {
		p.fail(start, "expected a condition%s", p.instead())
		return
	}
	if c, ok := t.Where.(*And); ok {
		var rest []Expr
		for _, x := range c.Xs {
			if !nodename(x, t) {
				rest = append(rest, x)
			}
		}
		c.Xs = rest
		switch len(rest) {
		case 0:
			t.Where = nil
		case 1:
			t.Where = rest[0]
		}
	} else if nodename(t.Where, t) {
		t.Where = nil
	}
}

func nodename(x Expr, t *Tstats) bool {
	c, ok := x.(*Compare)
	if !ok || c.Field.Text != "nodename" || c.Op != "=" {
		return false
	}
	t.Dataset = c.Value.Text
	return true
}

func (p *parser) tstatsBy(t *Tstats) {
	for p.separator(); !p.failed && !p.stageEnd() && !p.isKeyword("where"); p.separator() {
		if key, value, span, ok := p.option(); ok {
			p.set("tstats", map[string]func(string) bool{"span": toSpan(&t.Span), "prestats": toFlag(&t.Prestats)}, key, value, span)
			continue
		}
		t.By = append(t.By, p.name())
	}
	if len(t.By) == 0 {
		p.fail(p.here(), "expected the name of a field%s", p.instead())
	}
}
