package splunk

import (
	"strconv"
	"strings"
	"time"
)

// parsed holds the fields that strptime has read so far.
type parsed struct {
	year, month, day, hour, minute, second, nanos int
	yearDay                                       int
	pm, hasPM                                     bool
	epoch                                         float64
	isEpoch                                       bool
	zone                                          *time.Location
}

// strptime parses a time with a format. Parts of the date that are missing in the format are taken from now. Text
// after the match is ignored, as in Splunk.
func strptime(s, format string, now time.Time, loc *time.Location) (time.Time, bool) {
	now = now.In(loc)
	p := parsed{year: now.Year(), month: int(now.Month()), day: now.Day(), zone: loc}
	for i := 0; i < len(format); i++ {
		c := format[i]
		if c == ' ' || c == '\t' || c == '\n' {
			s = strings.TrimLeft(s, " \t\n")
			continue
		}
		if c != '%' || i+1 == len(format) {
			if s == "" || s[0] != c {
				return time.Time{}, false
			}
			s = s[1:]
			continue
		}
		i++
		for format[i] >= '0' && format[i] <= '9' && i+1 < len(format) {
			i++
		}
		for format[i] == ':' && i+1 < len(format) {
			i++
		}
		var ok bool
		if s, ok = p.read(s, format[i]); !ok {
			return time.Time{}, false
		}
	}
	return p.time()
}

func (p *parsed) time() (time.Time, bool) {
	if p.isEpoch {
		return moment(p.epoch, time.UTC)
	}
	if p.hasPM {
		p.hour %= 12
		if p.pm {
			p.hour += 12
		}
	}
	if p.yearDay > 0 {
		p.month, p.day = 1, p.yearDay
	}
	t := time.Date(p.year, time.Month(p.month), p.day, p.hour, p.minute, p.second, p.nanos, p.zone)
	return t, p.yearDay > 0 || t.Day() == p.day && p.hour < 24 && p.minute < 60 && p.second < 61
}

// composed maps directives to the formats that they stand for.
var composed = map[byte]string{
	'F': "%Y-%m-%d", 'T': "%H:%M:%S", 'R': "%H:%M", 'D': "%m/%d/%y", 'x': "%m/%d/%y", 'X': "%H:%M:%S", 'c': "%a %b %d %H:%M:%S %Y",
	'r': "%I:%M:%S %p", '+': "%a %b %d %H:%M:%S %Z %Y",
}

func (p *parsed) read(s string, c byte) (rest string, ok bool) {
	if format, isComposed := composed[c]; isComposed {
		for i := 0; i < len(format); i++ {
			switch {
			case format[i] == '%':
				i++
				if s, ok = p.read(s, format[i]); !ok {
					return s, false
				}
			case format[i] == ' ':
				s = strings.TrimLeft(s, " ")
			case s == "" || s[0] != format[i]:
				return s, false
			default:
				s = s[1:]
			}
		}
		return s, true
	}
	number := func(to *int, most int) (string, bool) {
		s = strings.TrimLeft(s, " ")
		n := min(digits(s), most)
		v, err := strconv.Atoi(s[:n])
		*to = v
		return s[n:], err == nil
	}
	switch c {
	case 'Y', 'G':
		return number(&p.year, 4)
	case 'y':
		rest, ok = number(&p.year, 2)
		if p.year += 1900; p.year < 1969 {
			p.year += 100
		}
		return rest, ok
	case 'm':
		rest, ok = number(&p.month, 2)
		return rest, ok && p.month >= 1 && p.month <= 12
	case 'd', 'e':
		return number(&p.day, 2)
	case 'j':
		return number(&p.yearDay, 3)
	case 'H', 'k', 'I', 'l':
		return number(&p.hour, 2)
	case 'M':
		return number(&p.minute, 2)
	case 'S':
		return number(&p.second, 2)
	case 'N', 'Q', 'f':
		return p.fraction(s)
	case 'b', 'B', 'h':
		return p.monthName(s)
	case 'a', 'A':
		n := len(s) - len(strings.TrimLeft(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
		return s[n:], n >= 3
	case 'p':
		if len(s) < 2 {
			return s, false
		}
		p.hasPM, p.pm = true, strings.EqualFold(s[:2], "PM")
		return s[2:], p.pm || strings.EqualFold(s[:2], "AM")
	case 's':
		n := len(s) - len(strings.TrimLeft(s, "0123456789."))
		x, err := strconv.ParseFloat(s[:n], 64)
		p.epoch, p.isEpoch = x, true
		return s[n:], err == nil
	case 'z', 'Z':
		return p.readZone(s)
	case '%':
		return strings.CutPrefix(s, "%")
	case 'n', 't':
		return strings.TrimLeft(s, " \t\n"), true
	}
	return s, false
}

func (p *parsed) fraction(s string) (string, bool) {
	n := digits(s)
	if n == 0 {
		return s, false
	}
	text := (s[:n] + "000000000")[:9]
	v, err := strconv.Atoi(text)
	p.nanos = v
	return s[n:], err == nil
}

func (p *parsed) monthName(s string) (string, bool) {
	for m := time.January; m <= time.December; m++ {
		for _, name := range []string{m.String(), m.String()[:3]} {
			if len(s) >= len(name) && strings.EqualFold(s[:len(name)], name) {
				p.month = int(m)
				return s[len(name):], true
			}
		}
	}
	return s, false
}

// zones maps time zone names to their offset from UTC in minutes. Ambiguous names are American, as in Splunk.
var zones = map[string]int{
	"Z": 0, "UTC": 0, "GMT": 0, "UT": 0, "WET": 0, "WEST": 60, "CET": 60, "CEST": 120, "MET": 60, "MEST": 120, "EET": 120, "EEST": 180,
	"MSK": 180, "BST": 60, "AST": -240, "ADT": -180, "EST": -300, "EDT": -240, "CST": -360, "CDT": -300, "MST": -420, "MDT": -360,
	"PST": -480, "PDT": -420, "AKST": -540, "AKDT": -480, "HST": -600, "NST": -210, "NDT": -150, "IST": 330, "PKT": 300, "SGT": 480,
	"HKT": 480, "AWST": 480, "JST": 540, "KST": 540, "ACST": 570, "ACDT": 630, "AEST": 600, "AEDT": 660, "NZST": 720, "NZDT": 780,
	"BRT": -180, "ART": -180, "SAST": 120, "WIB": 420, "ICT": 420,
}

// readZone parses Z, +01:00, +0100, +01, or a zone name.
func (p *parsed) readZone(s string) (string, bool) {
	s = strings.TrimLeft(s, " ")
	if s == "" {
		return s, false
	}
	if s[0] == '+' || s[0] == '-' {
		text := s[1:]
		n := 0
		var ds []byte
		for n < len(text) && len(ds) < 4 && (text[n] >= '0' && text[n] <= '9' || text[n] == ':' && len(ds) == 2) {
			if text[n] != ':' {
				ds = append(ds, text[n])
			}
			n++
		}
		if len(ds) == 2 {
			ds = append(ds, '0', '0')
		}
		v, err := strconv.Atoi(string(ds))
		if err != nil || len(ds) != 4 {
			return s, false
		}
		seconds := v/100*3600 + v%100*60
		if s[0] == '-' {
			seconds = -seconds
		}
		p.zone = time.FixedZone("", seconds)
		return text[n:], true
	}
	n := len(s) - len(strings.TrimLeft(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
	minutes, known := zones[strings.ToUpper(s[:n])]
	if known {
		p.zone = time.FixedZone(s[:n], 60*minutes)
	}
	return s[n:], known
}
