package sigma

import (
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/diag/yamltree"
	"tocsin/internal/match/mapping"
)

// conditions reads the conditions of a section: one, or a list of which one has to hold.
func (p *parser) conditions(d *Detection, n, timeframe *yamltree.Node) {
	nodes := []*yamltree.Node{n}
	if n.Kind == yamltree.List {
		nodes = n.Items
	}
	if len(nodes) == 0 {
		p.fail(n, CodeCondition, "%s has no condition", p.Section)
	}
	for _, one := range nodes {
		if one.Kind != yamltree.Text && one.Kind != yamltree.Int {
			p.fail(one, CodeCondition, "the condition is not a text")
			continue
		}
		c := conditionParser{parser: p, node: one, detection: d, noun: "search identifier"}
		c.scan()
		if x := c.parse(); x != nil {
			d.where = append(d.where, x)
		}
	}
	if timeframe != nil && !p.diags.HasErrors() {
		p.warn(timeframe, "timeframe belongs to aggregations, which correlations have replaced: it has no meaning here")
	}
}

// conditionParser reads one condition.
type conditionParser struct {
	*parser
	node      *yamltree.Node
	detection *Detection
	tokens    []token
	at, depth int
	failed    bool
	// noun says what names stand for.
	noun string
}

// token is a word, a bracket or another character, with its place in the text.
type token struct {
	text string
	at   int
}

func (c *conditionParser) scan() {
	s := c.node.Value
	for i := 0; i < len(s); {
		switch {
		case strings.IndexByte(" \t\r\n", s[i]) >= 0:
			i++
		case isWordByte(s[i]):
			end := i
			for end < len(s) && isWordByte(s[end]) {
				end++
			}
			c.tokens = append(c.tokens, token{s[i:end], i})
			i = end
		default:
			c.tokens = append(c.tokens, token{s[i : i+1], i})
			i++
		}
	}
}

func isWordByte(b byte) bool {
	return b == '_' || b == '-' || b == '*' || b == '?' || b == '.' || b >= 0x80 || '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

// peek returns the next token; "" is the end.
func (c *conditionParser) peek() token {
	if c.at < len(c.tokens) {
		return c.tokens[c.at]
	}
	return token{"", len(c.node.Value)}
}

// word takes the next token if it is a word, in any case.
func (c *conditionParser) word(w string) bool {
	if strings.EqualFold(c.peek().text, w) {
		c.at++
		return true
	}
	return false
}

// fail reports an error at a token. Only the first is reported: what follows comes of it.
func (c *conditionParser) failAt(t token, format string, args ...any) expr {
	if c.failed {
		return nil
	}
	c.failed = true
	c.diags = append(c.diags, c.file.Report(diag.Error, CodeCondition, c.span(t), format, args...))
	return nil
}

// span is where a token stands, if the text stands in the file as it is.
func (c *conditionParser) span(t token) diag.Span {
	whole := c.node.Span(c.file)
	start := whole.Start
	if q := c.file.Value[start:]; strings.HasPrefix(q, "'") || strings.HasPrefix(q, `"`) {
		start++
	}
	if !strings.HasPrefix(c.file.Value[start:], c.node.Value) {
		return whole
	}
	return diag.Span{Start: start + t.at, End: start + t.at + max(1, len(t.text))}
}

func (c *conditionParser) parse() expr {
	x := c.or()
	t := c.peek()
	switch {
	case c.failed || t.text == "":
		return x
	case t.text == "|":
		return c.failAt(t, "aggregations are gone from Sigma: a correlation rule takes their place")
	case t.text == ")":
		return c.failAt(t, "there is no ( for this )")
	}
	return c.failAt(t, "expected and, or or the end, found %s", t.text)
}

func (c *conditionParser) or() expr {
	out := anyOf{c.and()}
	for !c.failed && c.word("or") {
		out = append(out, c.and())
	}
	if len(out) == 1 {
		return out[0]
	}
	return out
}

func (c *conditionParser) and() expr {
	out := allOf{c.not()}
	for !c.failed && c.word("and") {
		out = append(out, c.not())
	}
	if len(out) == 1 {
		return out[0]
	}
	return out
}

// maxNesting bounds brackets.
const maxNesting = 1000

func (c *conditionParser) not() expr {
	nots := 0
	for c.word("not") {
		nots++
	}
	x := c.primary()
	if nots%2 == 1 {
		return negation{x}
	}
	return x
}

func (c *conditionParser) primary() expr {
	t := c.peek()
	switch {
	case t.text == "":
		return c.failAt(t, "the condition ends where a %s is expected", c.noun)
	case t.text == "(":
		c.at++
		if c.depth++; c.depth > maxNesting {
			return c.failAt(t, "brackets are nested too deep")
		}
		x := c.or()
		c.depth--
		if !c.failed && !c.word(")") {
			return c.failAt(c.peek(), "there is no ) for this (")
		}
		return x
	case t.text == "|":
		return c.failAt(t, "aggregations are gone from Sigma: a correlation rule takes their place")
	case !isWordByte(t.text[0]), isOperator(t.text):
		return c.failAt(t, "expected a %s, found %s", c.noun, t.text)
	}
	c.at++
	if of := c.peek(); strings.EqualFold(of.text, "of") {
		c.at++
		return c.of(t)
	}
	if s := c.named(t.text); s != nil {
		s.used = true
		return s
	}
	return c.failAt(t, "%s is no %s of %s%s", t.text, c.noun, c.Section, c.nearest(t.text))
}

func isOperator(word string) bool {
	return strings.EqualFold(word, "and") || strings.EqualFold(word, "or") || strings.EqualFold(word, "of")
}

// of reads what follows "1 of" and "all of".
func (c *conditionParser) of(count token) expr {
	all := strings.EqualFold(count.text, "all")
	if !all && count.text != "1" && !strings.EqualFold(count.text, "any") {
		return c.failAt(count, "expected 1, any or all before of, found %s", count.text)
	}
	t := c.peek()
	if t.text == "" || !isWordByte(t.text[0]) {
		return c.failAt(t, "expected them or a pattern of %ss after of", c.noun)
	}
	c.at++
	pattern := t.text
	if strings.EqualFold(pattern, "them") {
		pattern = "*"
	}
	var found []expr
	for _, s := range c.detection.selections {
		if strings.HasPrefix(s.name, "_") && !strings.HasPrefix(pattern, "_") {
			continue
		}
		if mapping.Glob(pattern, s.name) {
			s.used = true
			found = append(found, s)
		}
	}
	switch {
	case len(found) == 0:
		return c.failAt(t, "no %s of %s matches %s", c.noun, c.Section, t.text)
	case all:
		return allOf(found)
	}
	return anyOf(found)
}

func (c *conditionParser) named(name string) *selection {
	for _, s := range c.detection.selections {
		if s.name == name {
			return s
		}
	}
	return nil
}

func (c *conditionParser) nearest(name string) string {
	var known []string
	for _, s := range c.detection.selections {
		known = append(known, s.name)
	}
	if near := diag.Nearest(name, known); near != "" {
		return ": did you mean " + near + "?"
	}
	return ""
}
