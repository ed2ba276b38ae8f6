package spl

import (
	"strconv"
	"strings"

	"tocsin/internal/diag"
)

// XPath gives a field what a path finds in XML.
type XPath struct {
	At
	// Field has the XML, Out takes what is found, Usual is taken where nothing is; "" is none.
	Field, Out, Usual string
	Path              string
	Steps             []XStep
}

// XStep is one step of a path: to elements of a name, * for all, to an attribute, or to the text.
type XStep struct {
	Name string
	// Deep looks at all levels below; Attribute and Text tell what is taken.
	Deep, Attribute, Text bool
	Tests                 []XTest
}

// XTest is a condition of a step: a place, where N is not 0 (-1 is the last), or an attribute, a child or the text
// (Name "") that is there or has a value.
type XTest struct {
	N         int
	Name      string
	Attribute bool
	Value     *string
}

// Command returns xpath.
func (*XPath) Command() string { return "xpath" }

// String writes xpath with its path.
func (x *XPath) String() string {
	return line("xpath", setting("field", x.Field, "_raw"), setting("outfield", x.Out, "xpath"), setting("default", x.Usual, ""), quote(x.Path))
}

func parseXPath(p *parser, start int) Stage {
	x := &XPath{Field: "_raw", Out: "xpath"}
	options := map[string]func(string) bool{"field": toText(&x.Field), "outfield": toText(&x.Out), "default": toText(&x.Usual)}
	var span diag.Span
	for p.separator(); !p.failed && !p.stageEnd(); p.separator() {
		switch {
		case p.oneOption("xpath", options):
		case span.End > 0:
			p.fail(p.here(), "xpath takes one path")
		case p.peek() == '"':
			text, at, ok := p.quoted()
			if x.Path, span = text, at; !ok {
				p.fail(at, "the quotes do not end")
			}
		default:
			x.Path, span = p.word(" \t\r\n|]")
		}
	}
	x.At = p.at(start)
	if span.End == 0 {
		p.fail(p.here(), "expected a path such as \"//name/@attribute\"%s", p.instead())
		return x
	}
	var ok bool
	if x.Steps, ok = readXPath(x.Path); !ok {
		p.unsupported(span, "the path %s is not supported: steps are /name, //name, /*, /@name and /text(), with [2], [last()], [@name], [@name='value'], [name='value'] and [text()='value'] behind them", x.Path)
	}
	return x
}

// readXPath reads a path; false for what is none that can be followed.
func readXPath(s string) ([]XStep, bool) {
	var steps []XStep
	s = strings.TrimSpace(s)
	if s != "" && s[0] != '/' {
		s = "/" + s
	}
	for s != "" {
		var step XStep
		switch {
		case strings.HasPrefix(s, "//"):
			step.Deep = true
			s = s[2:]
		case s[0] == '/':
			s = s[1:]
		default:
			return nil, false
		}
		if len(steps) > 0 && (steps[len(steps)-1].Attribute || steps[len(steps)-1].Text) {
			return nil, false
		}
		if rest, is := strings.CutPrefix(s, "text()"); is {
			step.Text, s = true, rest
			steps = append(steps, step)
			continue
		}
		s, step.Attribute = strings.CutPrefix(s, "@")
		if step.Name, s = xName(s); step.Name == "" {
			return nil, false
		}
		for strings.HasPrefix(s, "[") {
			end := strings.IndexByte(s, ']')
			if end < 0 || step.Attribute {
				return nil, false
			}
			t, ok := readXTest(strings.TrimSpace(s[1:end]))
			if !ok {
				return nil, false
			}
			step.Tests = append(step.Tests, t)
			s = s[end+1:]
		}
		steps = append(steps, step)
	}
	return steps, len(steps) > 0
}

// xName reads a name or a star, without the prefix of a name space.
func xName(s string) (name, rest string) {
	if strings.HasPrefix(s, "*") {
		return "*", s[1:]
	}
	n := 0
	for n < len(s) && (isLetter(s[n]) || n > 0 && (isDigit(s[n]) || s[n] == '-' || s[n] == '.') || s[n] == ':' && n > 0) {
		n++
	}
	name = s[:n]
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		name = name[i+1:]
	}
	return name, s[n:]
}

func readXTest(s string) (XTest, bool) {
	if n, err := strconv.Atoi(s); err == nil {
		return XTest{N: n}, n > 0
	}
	if s == "last()" {
		return XTest{N: -1}, true
	}
	var t XTest
	rest, isText := strings.CutPrefix(s, "text()")
	if !isText {
		rest, t.Attribute = strings.CutPrefix(s, "@")
		t.Name, rest = xName(rest)
		if t.Name == "" || t.Name == "*" {
			return t, false
		}
	}
	rest = strings.TrimSpace(rest)
	if rest == "" {
		return t, true
	}
	value, is := strings.CutPrefix(rest, "=")
	value = strings.TrimSpace(value)
	if !is || len(value) < 2 || value[0] != '\'' && value[0] != '"' || value[len(value)-1] != value[0] {
		return t, false
	}
	value = value[1 : len(value)-1]
	t.Value = &value
	return t, true
}
