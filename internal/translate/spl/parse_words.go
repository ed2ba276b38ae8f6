package spl

import (
	"strconv"
	"strings"

	"tocsin/internal/diag"
)

// name parses a field name, quoted or not.
func (p *parser) name() Name {
	switch p.peek() {
	case '"', '\'':
		text, span, ok := p.quoted()
		if !ok {
			p.fail(span, "the quotes do not end")
		}
		return Name{text, span}
	}
	text, span := p.bare()
	// A name such as predicted(x) is the default name of a result.
	for text != "" && p.pos < len(p.src) && p.src[p.pos] == '(' {
		end := strings.IndexAny(p.src[p.pos:], ")|]\"")
		if end < 0 || p.src[p.pos+end] != ')' {
			break
		}
		p.pos += end + 1
		for p.pos < len(p.src) && strings.IndexByte(wordEnd, p.src[p.pos]) < 0 {
			p.pos++
		}
		span.End = p.pos
		text = p.src[span.Start:p.pos]
	}
	if text == "" {
		p.fail(p.here(), "expected the name of a field%s", p.instead())
	}
	return Name{text, span}
}

// bare parses a name without quotes. A single quote inside is an ordinary character.
func (p *parser) bare() (string, diag.Span) {
	text, span := p.word(wordEnd)
	for text != "" && p.pos < len(p.src) && p.src[p.pos] == '\'' {
		p.pos++
		for p.pos < len(p.src) && strings.IndexByte(wordEnd, p.src[p.pos]) < 0 {
			p.pos++
		}
		span.End = p.pos
		text = p.src[span.Start:p.pos]
	}
	return text, span
}

// names parses names, separated by commas or blanks, up to the end of the command or one of the keywords.
func (p *parser) names(until ...string) []Name {
	var names []Name
	for p.separator(); !p.failed && !p.stageEnd() && p.peek() != '[' && !p.isKeyword(until...); p.separator() {
		names = append(names, p.name())
	}
	return names
}

// wantNames is names, and requires at least one name.
func (p *parser) wantNames(until ...string) []Name {
	names := p.names(until...)
	if len(names) == 0 {
		p.fail(p.here(), "expected the name of a field%s", p.instead())
	}
	return names
}

// option parses key=value, if one follows.
func (p *parser) option() (key, value string, span diag.Span, ok bool) {
	back := p.pos
	key, span = p.ident()
	if key == "" || p.peek() != '=' || strings.HasPrefix(p.src[p.pos:], "==") {
		p.pos = back
		return "", "", span, false
	}
	p.pos++
	key = strings.ToLower(key)
	if c := p.peek(); c == '"' || c == '\'' {
		text, quoted, ended := p.quoted()
		if !ended {
			p.fail(quoted, "the quotes do not end")
		}
		span.End = p.pos
		return key, text, span, true
	}
	value, _ = p.word(" \t\r\n,()[]|\"")
	span.End = p.pos
	return key, value, span, true
}

// options parses options until something else follows. Each function of set takes a value and reports whether it
// is valid.
func (p *parser) options(command string, set map[string]func(value string) bool) {
	for !p.failed {
		key, value, span, ok := p.option()
		if !ok {
			return
		}
		p.set(command, set, key, value, span)
		p.passComma()
	}
}

// passComma skips a comma between options.
func (p *parser) passComma() {
	if p.peek() == ',' {
		p.pos++
	}
}

func (p *parser) set(command string, set map[string]func(string) bool, key, value string, span diag.Span) {
	take := set[key]
	switch {
	case take == nil:
		p.unsupported(span, "the option %s of %s is not supported", key, command)
	case !take(value):
		p.unsupported(span, "the option %s of %s cannot be %q", key, command, value)
	}
}

// The functions that parse option values.

func toText(to *string) func(string) bool {
	return func(v string) bool { *to = v; return true }
}

func toFlag(to *bool) func(string) bool {
	return func(v string) bool {
		switch strings.ToLower(v) {
		case "true", "t", "1", "yes":
			*to = true
		case "false", "f", "0", "no":
			*to = false
		default:
			return false
		}
		return true
	}
}

func toCount(to *int) func(string) bool {
	return func(v string) bool {
		n, err := strconv.Atoi(v)
		*to = n
		return err == nil && n >= 0
	}
}

// leadingCount parses the number of rows before the fields of some commands.
func (p *parser) leadingCount(to *int) {
	if !isDigit(p.peek()) {
		return
	}
	text, span := p.word(wordEnd)
	if !toCount(to)(text) {
		p.fail(span, "%s is no number of rows", text)
	}
}

func toNumber(to **float64) func(string) bool {
	return func(v string) bool {
		n, err := strconv.ParseFloat(v, 64)
		*to = &n
		return err == nil
	}
}

func toSpan(to **TimeSpan) func(string) bool {
	return func(v string) bool {
		s, ok := parseSpan(v)
		*to = &s
		return ok
	}
}

// toStep parses an interval length, which may include an alignment.
func toStep(to **TimeSpan) func(string) bool {
	return func(v string) bool {
		length, at, snaps := strings.Cut(v, "@")
		s, ok := parseSpan(length)
		if *to = &s; !snaps || !ok {
			return ok
		}
		r, err := ParseRelative("@" + at)
		s.Snap = strings.ToLower(at)
		return err == nil && len(r.steps) == 1 && s.N == 1 && r.steps[0].unit == s.Unit
	}
}

// toAlign parses a time at which intervals start.
func toAlign(to *string) func(string) bool {
	return func(v string) bool {
		*to = v
		if v == "earliest" || v == "latest" {
			return true
		}
		if _, err := strconv.ParseFloat(v, 64); err == nil {
			return true
		}
		_, err := ParseRelative(v)
		return err == nil
	}
}

func ignored(string) bool { return true }

// only accepts one value, which is the behaviour in any case.
func only(values ...string) func(string) bool {
	return func(v string) bool {
		for _, want := range values {
			if strings.EqualFold(v, want) {
				return true
			}
		}
		return false
	}
}

// units maps the names of units of time to the canonical name.
var units = map[string]string{
	"us": "us", "ms": "ms", "cs": "cs", "ds": "ds",
	"s": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s",
	"m": "m", "min": "m", "mins": "m", "minute": "m", "minutes": "m",
	"h": "h", "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
	"d": "d", "day": "d", "days": "d", "w": "w", "week": "w", "weeks": "w",
	"mon": "mon", "month": "mon", "months": "mon", "q": "q", "qtr": "q", "quarter": "q", "y": "y", "year": "y", "years": "y",
}

func parseSpan(v string) (TimeSpan, bool) {
	digits := len(v) - len(strings.TrimLeft(v, "0123456789."))
	n := 1.0
	if digits > 0 {
		var err error
		if n, err = strconv.ParseFloat(v[:digits], 64); err != nil || n <= 0 {
			return TimeSpan{}, false
		}
	}
	unit := strings.ToLower(v[digits:])
	if unit == "" {
		return TimeSpan{N: n}, digits > 0
	}
	if base, ok := strings.CutPrefix(unit, "log"); ok {
		return logSpan(n, base)
	}
	known, ok := units[unit]
	return TimeSpan{N: n, Unit: known}, ok
}

// logSpan parses the base of a span such as 2log10. Its number is at least 1 and less than the base.
func logSpan(n float64, base string) (TimeSpan, bool) {
	b := 10.0
	if base != "" {
		var err error
		if b, err = strconv.ParseFloat(base, 64); err != nil {
			return TimeSpan{}, false
		}
	}
	return TimeSpan{N: n, Unit: "log", Base: b}, b > 1 && n >= 1 && n < b
}

// Seconds returns the length in seconds; false for months and longer units.
func (s TimeSpan) Seconds() (float64, bool) {
	factor, ok := map[string]float64{
		"": 1, "us": 1e-6, "ms": 1e-3, "cs": 1e-2, "ds": 0.1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400,
	}[s.Unit]
	return s.N * factor, ok
}
