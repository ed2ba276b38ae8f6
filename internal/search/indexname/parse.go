package indexname

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/datemath"
)

// name is a name with date math: fixed texts and dates in turn.
type name struct {
	parts []part
	// selector is the selector after the name: ::data, ::failures.
	selector string
}

// part is a text, or a date if format is not nil.
type part struct {
	text   string
	math   datemath.Expr
	format format
	zone   *time.Location
	// fixed is the date that the math begins with; nil: now.
	fixed *time.Time
}

// isMath reports whether a pattern is a name with date math, and returns its prefix: nothing, the minus of an
// exclusion, or the name of a remote cluster.
func isMath(pattern string) (before, expression string, ok bool) {
	i := strings.IndexByte(pattern, '<')
	if i < 0 || i > 0 && pattern[:i] != "-" && !strings.HasSuffix(pattern[:i], ":") {
		return "", pattern, false
	}
	body, _, _ := strings.Cut(pattern[i:], "::")
	return pattern[:i], pattern[i:], strings.HasSuffix(body, ">")
}

// parse parses an expression.
func parse(expression string) (name, error) {
	body, selector, selects := strings.Cut(expression, "::")
	var n name
	if selects {
		n.selector = "::" + selector
	}
	p := parser{text: []rune(body[1 : len(body)-1])}
	if err := p.read(); err != nil {
		return n, fmt.Errorf("index name %s: %w", expression, err)
	}
	n.parts = p.parts
	return n, nil
}

// parser holds the rest of an expression.
type parser struct {
	text  []rune
	at    int
	parts []part
}

var (
	errOpen  = errors.New("the date math is not closed: } is missing")
	errEmpty = errors.New("the name is empty")
)

func (p *parser) read() error {
	var fixed strings.Builder
	for p.at < len(p.text) {
		r, escaped := p.next()
		switch {
		case r == '{' && !escaped:
			if fixed.Len() > 0 {
				p.parts = append(p.parts, part{text: fixed.String()})
				fixed.Reset()
			}
			if err := p.placeholder(); err != nil {
				return err
			}
		case r == '}' && !escaped:
			return fmt.Errorf(`} at character %d closes nothing: write \} where it is part of the name`, p.at)
		default:
			fixed.WriteRune(r)
		}
	}
	if fixed.Len() > 0 {
		p.parts = append(p.parts, part{text: fixed.String()})
	}
	if len(p.parts) == 0 {
		return errEmpty
	}
	return nil
}

// next takes a character; the backslash that escapes it is dropped.
func (p *parser) next() (r rune, escaped bool) {
	r = p.text[p.at]
	p.at++
	if r == '\\' && p.at < len(p.text) {
		r, escaped = p.text[p.at], true
		p.at++
	}
	return r, escaped
}

// placeholder parses the part after an opening brace: {math{format|zone}}.
func (p *parser) placeholder() error {
	var math, pattern strings.Builder
	to, formats := &math, 0
	for p.at < len(p.text) {
		r, escaped := p.next()
		switch {
		case r == '{' && !escaped:
			if formats > 0 {
				return fmt.Errorf("{ at character %d: the date math already has a format", p.at)
			}
			formats, to = 1, &pattern
		case r == '}' && !escaped && formats == 1:
			formats = 2
		case r == '}' && !escaped:
			return p.date(math.String(), pattern.String(), formats)
		case formats == 2:
			return fmt.Errorf("%q after the date format: expected }", r)
		default:
			to.WriteRune(r)
		}
	}
	return errOpen
}

// defaultFormat is the format of a date without one.
const defaultFormat = "uuuu.MM.dd"

func (p *parser) date(math, pattern string, formats int) error {
	d := part{zone: time.UTC}
	pattern, zone, zoned := strings.Cut(pattern, "|")
	if zoned {
		known := false
		if d.zone, known = mapping.ParseZone(zone); !known {
			return fmt.Errorf("time zone %q is not known", zone)
		}
	}
	switch {
	case formats == 0:
		pattern = defaultFormat
	case pattern == "":
		return errors.New("the date format is missing")
	}
	var err error
	if d.format, err = parseFormat(pattern); err != nil {
		return err
	}
	base, steps, isMath := datemath.Cut(math)
	if !isMath {
		base, steps = math, ""
	}
	if base != "now" {
		at, _, err := mapping.ParseDateIn(base, d.format.pattern, d.zone)
		if err != nil {
			return fmt.Errorf("date math %q: %w", math, err)
		}
		d.fixed = &at
	}
	if d.math, err = datemath.Steps(steps); err != nil {
		return err //nolint:wrapcheck // the error names the operation
	}
	p.parts = append(p.parts, d)
	return nil
}
