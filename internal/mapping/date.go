package mapping

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Precision is how much of a date was written: the rest is the beginning of that unit, or its end
// where a bound must reach to it.
type Precision int

// The precisions, the coarsest first.
const (
	Year Precision = iota
	Month
	Day
	Hour
	Minute
	Second
	Exact
)

// ErrDate is wrapped by every error of [ParseDate].
var ErrDate = errors.New("not a date")

// ParseDate reads a date under a mapping's format list, "" meaning Elasticsearch's default
// strict_date_optional_time||epoch_millis. The result is in UTC.
func ParseDate(s, formats string) (time.Time, Precision, error) {
	if formats == "" {
		formats = "strict_date_optional_time||epoch_millis"
	}
	for format := range strings.SplitSeq(formats, "||") {
		if t, p, ok := parseFormat(s, strings.TrimSpace(format)); ok {
			return t.UTC(), p, nil
		}
	}
	return time.Time{}, 0, fmt.Errorf("%q with format [%s]: %w", s, formats, ErrDate)
}

// End returns the last nanosecond of the unit that t was written to.
func (p Precision) End(t time.Time) time.Time {
	var next time.Time
	switch p {
	case Year:
		next = t.AddDate(1, 0, 0)
	case Month:
		next = t.AddDate(0, 1, 0)
	case Day:
		next = t.AddDate(0, 0, 1)
	case Hour:
		next = t.Add(time.Hour)
	case Minute:
		next = t.Add(time.Minute)
	case Second:
		next = t.Add(time.Second)
	case Exact:
		return t
	}
	return next.Add(-1)
}

func parseFormat(s, format string) (time.Time, Precision, bool) {
	switch format {
	case "epoch_millis":
		return parseEpoch(s, time.Millisecond)
	case "epoch_second":
		return parseEpoch(s, time.Second)
	default:
		return parseISO(strings.Replace(s, "/", "-", 2))
	}
}

func parseEpoch(s string, unit time.Duration) (time.Time, Precision, bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || strings.Trim(fraction, "0123456789") != "" {
		return time.Time{}, 0, false
	}
	perSecond := int64(time.Second / unit)
	t := time.Unix(n/perSecond, n%perSecond*int64(unit))
	if fraction != "" {
		f, _ := strconv.ParseFloat("0."+fraction, 64)
		t = t.Add(time.Duration(f * float64(unit)))
	}
	return t, Exact, true
}

// isoLayouts are the prefixes of strict_date_optional_time, by what they are precise to.
var isoLayouts = []struct {
	layout    string
	precision Precision
}{
	{"2006", Year}, {"2006-01", Month}, {"2006-01-02", Day}, {"2006-01-02T15", Hour},
	{"2006-01-02T15:04", Minute}, {"2006-01-02T15:04:05", Second},
}

// parseISO reads strict_date_optional_time: a date, optionally a time to any precision with up to
// nine digits of fraction ("." or ","), optionally a zone behind a time.
func parseISO(s string) (time.Time, Precision, bool) {
	body, zone, ok := cutZone(s)
	if !ok {
		return time.Time{}, 0, false
	}
	fraction := 0
	precise := false
	if i := strings.IndexAny(body, ".,"); i >= 0 {
		fraction, ok = nanos(body[i+1:])
		if !ok || i != len("2006-01-02T15:04:05") {
			return time.Time{}, 0, false
		}
		body, precise = body[:i], true
	}
	for _, l := range isoLayouts {
		if len(l.layout) != len(body) {
			continue
		}
		t, err := time.ParseInLocation(l.layout, body, zone)
		if err != nil {
			return time.Time{}, 0, false
		}
		if precise {
			return t.Add(time.Duration(fraction)), Exact, true
		}
		return t, l.precision, true
	}
	return time.Time{}, 0, false
}

// cutZone splits Z, ±hh, ±hhmm or ±hh:mm from a date with a time. A date alone has no zone.
func cutZone(s string) (body string, zone *time.Location, ok bool) {
	t := strings.IndexByte(s, 'T')
	if t < 0 {
		return s, time.UTC, true
	}
	if strings.HasSuffix(s, "Z") {
		return s[:len(s)-1], time.UTC, true
	}
	i := strings.LastIndexAny(s, "+-")
	if i < t {
		return s, time.UTC, true
	}
	digits := strings.Replace(s[i+1:], ":", "", 1)
	if len(digits) == 2 {
		digits += "00"
	}
	n, err := strconv.Atoi(digits)
	if err != nil || len(digits) != 4 || n%100 > 59 || n > 1800 {
		return "", nil, false
	}
	seconds := (n/100*60 + n%100) * 60
	if s[i] == '-' {
		seconds = -seconds
	}
	return s[:i], time.FixedZone("", seconds), true
}

// nanos reads one to nine digits of a fraction of a second.
func nanos(digits string) (int, bool) {
	if digits == "" || len(digits) > 9 {
		return 0, false
	}
	n, err := strconv.Atoi(digits + strings.Repeat("0", 9-len(digits)))
	return n, err == nil && n >= 0 && digits[0] != '+' && digits[0] != '-'
}
