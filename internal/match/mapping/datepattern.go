package mapping

import (
	"strconv"
	"strings"
	"time"
	"unicode"
)

// pattern is a date pattern of java.time, as far as mappings need it: numbers of fixed or free
// width, month abbreviations, offsets, text, and optional sections.
type pattern []element

// element is one piece of a pattern: text when letter is 0, an optional section when it is '['.
type element struct {
	letter  rune
	count   int
	text    string
	section pattern
}

// compilePattern returns false for a pattern with unsupported elements.
func compilePattern(s string) (parseDate, bool) {
	runes := []rune(strings.TrimPrefix(s, "8")) // Elasticsearch 6's mark of a java.time pattern.
	p, rest, ok := compileElements(runes, false)
	if !ok || len(rest) > 0 || len(p) == 0 {
		return nil, false
	}
	return p.parse, true
}

// compileElements compiles up to the end, or to the end of a section, after which rest begins.
func compileElements(runes []rune, inSection bool) (p pattern, rest []rune, ok bool) {
	for len(runes) > 0 {
		var e element
		switch r := runes[0]; {
		case r == ']':
			return p, runes[1:], inSection
		case r == '[':
			e.letter = r
			if e.section, runes, ok = compileElements(runes[1:], true); !ok {
				return nil, nil, false
			}
		case r == '\'':
			if e.text, runes, ok = quoted(runes[1:]); !ok {
				return nil, nil, false
			}
		case r <= unicode.MaxASCII && unicode.IsLetter(r):
			for e.letter = r; len(runes) > 0 && runes[0] == r; runes = runes[1:] {
				e.count++
			}
			if !e.known() {
				return nil, nil, false
			}
		case strings.ContainsRune("{}#", r):
			return nil, nil, false
		default:
			e.text, runes = string(r), runes[1:]
		}
		p = append(p, e)
	}
	return p, nil, !inSection
}

// quoted reads to the closing quote; a doubled quote is a quote in the text.
func quoted(runes []rune) (text string, rest []rune, ok bool) {
	var b strings.Builder
	for i := 0; i < len(runes); i++ {
		if runes[i] != '\'' {
			b.WriteRune(runes[i])
			continue
		}
		if i+1 == len(runes) || runes[i+1] != '\'' {
			return b.String(), runes[i+1:], b.Len() > 0
		}
		b.WriteByte('\'')
		i++
	}
	return "", nil, false
}

func (e element) known() bool {
	switch e.letter {
	case 'y', 'u':
		return e.count == 4
	case 'M':
		return e.count <= 3
	case 'd', 'H', 'm', 's':
		return e.count <= 2
	case 'S':
		return e.count <= 9
	case 'X', 'Z':
		return e.count <= 3
	}
	return false
}

// parse parses a whole text. Parts that the pattern lacks default to the beginning of 1970.
func (p pattern) parse(s string, zone *time.Location) (time.Time, Precision, bool) {
	d := dateParts{parts: parts{year: 1970, month: 1, day: 1}, zone: zone}
	d, rest, ok := p.read(d, s)
	if !ok || rest != "" {
		return time.Time{}, 0, false
	}
	return d.in(d.zone)
}

// dateParts is the date as parsed so far.
type dateParts struct {
	parts
	zone *time.Location
}

func (p pattern) read(d dateParts, s string) (_ dateParts, rest string, ok bool) {
	for _, e := range p {
		if e.letter == '[' {
			if with, rest, ok := e.section.read(d, s); ok {
				d, s = with, rest
			}
			continue
		}
		if d, s, ok = e.read(d, s); !ok {
			return d, s, false
		}
	}
	return d, s, true
}

func (e element) read(d dateParts, s string) (_ dateParts, rest string, ok bool) {
	if e.letter == 0 {
		rest, ok = strings.CutPrefix(s, e.text)
		return d, rest, ok
	}
	n := e.width(s)
	if n == 0 {
		return d, s, false
	}
	text, rest := s[:n], s[n:]
	switch e.letter {
	case 'y', 'u':
		ok = d.set(&d.year, text, Year)
		ok = ok && (e.letter == 'u' || d.year > 0)
	case 'M':
		ok = d.set(&d.month, monthNumber(text), Month)
	case 'd':
		ok = d.set(&d.day, text, Day)
	case 'H':
		ok = d.set(&d.hour, text, Hour)
	case 'm':
		ok = d.set(&d.minute, text, Minute)
	case 's':
		ok = d.set(&d.second, text, Second)
	case 'S':
		d.nano, ok = fraction(text)
		d.precision = Exact
	case 'X', 'Z':
		d.zone, ok = ParseZone(text)
	}
	return d, rest, ok
}

// set parses a number, which sets the date's precision to its unit.
func (d *dateParts) set(n *int, text string, unit Precision) bool {
	d.precision = max(d.precision, unit)
	return isoFormat{lenient: true}.number(n, text, 0, 9)
}

// width returns how many bytes of s the element takes; 0 if it does not match.
func (e element) width(s string) int {
	switch {
	case e.letter == 'X' || e.letter == 'Z':
		return e.zoneWidth(s)
	case e.letter == 'M' && e.count == 3:
		if len(s) >= 3 && monthNumber(s[:3]) != s[:3] {
			return 3
		}
		return 0
	}
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	switch {
	case digits >= e.count && e.count > 1 || e.letter == 'S' && digits >= e.count:
		return e.count
	case e.count == 1:
		return min(digits, 2)
	}
	return 0
}

// zoneWidth measures X (Z, +hh, +hhmm), XX (Z, +hhmm), XXX (Z, +hh:mm) and Z (+hhmm).
func (e element) zoneWidth(s string) int {
	if e.letter == 'X' && strings.HasPrefix(s, "Z") {
		return 1
	}
	widths := []int{len("+hhmm")}
	switch {
	case e.letter == 'X' && e.count == 3:
		widths = []int{len("+hh:mm")}
	case e.letter == 'X' && e.count == 1:
		widths = append(widths, len("+hh"))
	}
	for _, n := range widths {
		if len(s) >= n && (s[0] == '+' || s[0] == '-') {
			if _, ok := parseOffset(s[:n]); ok && (n == len("+hh:mm")) == strings.Contains(s[:n], ":") {
				return n
			}
		}
	}
	return 0
}

// monthNumber returns the number of a month's English abbreviation, any other text unchanged.
func monthNumber(text string) string {
	for month := time.January; month <= time.December; month++ {
		if month.String()[:3] == text {
			return strconv.Itoa(int(month))
		}
	}
	return text
}
