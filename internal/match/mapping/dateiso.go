package mapping

import (
	"strconv"
	"strings"
	"time"
)

// isoFormat parses strict_date_optional_time and similar formats: a year, optionally a month and a
// day, optionally "T" and a time to any precision with up to nine digits of fraction, optionally
// followed by a zone.
type isoFormat struct {
	// least is the minimum precision of a time after "T".
	least Precision
	// lenient allows parts with fewer digits, and years with more.
	lenient bool
}

func (f isoFormat) parse(s string, zone *time.Location) (time.Time, Precision, bool) {
	if t, p, ok := usualDate(s); ok {
		return t, p, true
	}
	return f.any(s, zone)
}

// any parses a date in any of the forms.
func (f isoFormat) any(s string, zone *time.Location) (time.Time, Precision, bool) {
	date, clock, timed := strings.Cut(s, "T")
	d, ok := f.date(date)
	if !ok || timed && d.precision == Year {
		return time.Time{}, 0, false
	}
	if timed {
		var own *time.Location
		if clock, own, ok = cutZone(clock); !ok {
			return time.Time{}, 0, false
		}
		if !f.time(&d, clock) || d.precision < f.least || clock == "" && own != nil && own != time.UTC {
			return time.Time{}, 0, false
		}
		if own != nil {
			zone = own
		}
	}
	return d.in(zone)
}

// date parses year, year-month or year-month-day.
func (f isoFormat) date(s string) (parts, bool) {
	d := parts{month: 1, day: 1}
	digits, negative := strings.CutPrefix(s, "-")
	year, rest, hasMonth := strings.Cut(digits, "-")
	longest := 4
	if f.lenient {
		longest = 9
	}
	if !f.number(&d.year, year, 4, longest) {
		return d, false
	}
	if negative {
		d.year = -d.year
	}
	if !hasMonth {
		return d, true
	}
	month, day, hasDay := strings.Cut(rest, "-")
	d.precision = Month
	ok := f.number(&d.month, month, 2, 2)
	if hasDay {
		d.precision = Day
		ok = ok && f.number(&d.day, day, 2, 2)
	}
	return d, ok
}

// time parses the part between "T" and the zone, which may be empty.
func (f isoFormat) time(d *parts, s string) bool {
	if s == "" {
		d.precision = Day
		return true
	}
	exact := false
	if i := strings.IndexAny(s, ".,"); i >= 0 {
		if d.nano, exact = fraction(s[i+1:]); !exact || strings.Count(s[:i], ":") != 2 {
			return false
		}
		s = s[:i]
	}
	d.precision = Day
	fields := strings.Split(s, ":")
	targets := []*int{&d.hour, &d.minute, &d.second}
	if len(fields) > len(targets) {
		return false
	}
	for i, field := range fields {
		if !f.number(targets[i], field, 2, 2) {
			return false
		}
		d.precision++
	}
	if exact {
		d.precision = Exact
	}
	return true
}

// number parses digits: exactly strict many, or 1 to most when lenient.
func (f isoFormat) number(n *int, digits string, strict, most int) bool {
	if digits == "" || !isDigits(digits) || len(digits) > most || !f.lenient && len(digits) != strict {
		return false
	}
	var err error
	*n, err = strconv.Atoi(digits)
	return err == nil
}

// fraction parses one to nine digits of a fraction of a second.
func fraction(digits string) (nanos int, ok bool) {
	if digits == "" || len(digits) > 9 || !isDigits(digits) {
		return 0, false
	}
	n, err := strconv.Atoi(digits + strings.Repeat("0", 9-len(digits)))
	return n, err == nil
}

// parts are the numbers of a date.
type parts struct {
	year, month, day, hour, minute, second, nano int

	precision Precision
}

// in makes a time of the parts; false when there is no such day or time of day. 24:00 does not
// exist.
func (d parts) in(zone *time.Location) (time.Time, Precision, bool) {
	t := time.Date(d.year, time.Month(d.month), d.day, 0, 0, 0, 0, time.UTC)
	if t.Month() != time.Month(d.month) || t.Day() != d.day || d.hour > 23 || d.minute > 59 || d.second > 59 {
		return time.Time{}, 0, false
	}
	return time.Date(d.year, time.Month(d.month), d.day, d.hour, d.minute, d.second, d.nano, zone), d.precision, true
}

// cutZone splits a zone from a time of day: Z, an offset, or the name of a zone such as
// Europe/Berlin, which is known only if Go finds the time zone database; nil if there is no zone.
func cutZone(s string) (body string, zone *time.Location, ok bool) {
	i := strings.IndexFunc(s, func(r rune) bool { return r == '+' || r == '-' || r > '9' && r != ':' })
	if i < 0 {
		return s, nil, true
	}
	zone, ok = ParseZone(s[i:])
	return s[:i], zone, ok && i > 0
}

// ParseZone parses a time zone as Elasticsearch does: Z, an offset, or a name such as
// Europe/Berlin, which is known only if Go finds the time zone database.
func ParseZone(s string) (*time.Location, bool) {
	switch s {
	case "Z", "UTC", "GMT", "UT":
		return time.UTC, true
	case "Local", "":
		return nil, false
	}
	for _, prefix := range []string{"UTC", "GMT", "UT"} {
		if offset, ok := strings.CutPrefix(s, prefix); ok {
			if len(offset) == len("+2") {
				offset = offset[:1] + "0" + offset[1:]
			}
			return parseOffset(offset)
		}
	}
	if s[0] == '+' || s[0] == '-' {
		return parseOffset(s)
	}
	zone, err := time.LoadLocation(s)
	return zone, err == nil
}

// parseOffset parses ±hh, ±hhmm, ±hh:mm, ±hhmmss or ±hh:mm:ss, up to 18 hours.
func parseOffset(s string) (*time.Location, bool) {
	if len(s) < 3 || s[0] != '+' && s[0] != '-' {
		return nil, false
	}
	digits := s[1:]
	if digits[2:] != "" && digits[2] == ':' {
		digits = strings.ReplaceAll(digits, ":", "")
		if len(digits) != 4 && len(digits) != 6 || len(s) != len(digits)+len(digits)/2 {
			return nil, false
		}
	}
	if len(digits)%2 != 0 || len(digits) > 6 || !isDigits(digits) {
		return nil, false
	}
	n, err := strconv.Atoi(digits + strings.Repeat("0", 6-len(digits)))
	hour, minute, second := n/10000, n/100%100, n%100
	if err != nil || minute > 59 || second > 59 || n > 180000 {
		return nil, false
	}
	seconds := hour*3600 + minute*60 + second
	if s[0] == '-' {
		seconds = -seconds
	}
	return time.FixedZone("", seconds), true
}
