package mapping

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Precision is the last unit that was written of a date: the rest is the beginning of that unit, or
// its end for an upper bound.
type Precision int

// The precisions, the coarsest first.
const (
	Year Precision = iota
	Month
	Day
	Hour
	Minute
	Second
	Millisecond
	Exact
)

// End returns the last nanosecond of t's unit, for the upper end of a range. As in Elasticsearch,
// the unit is at most a day: "2026" as an upper bound is the end of January 1st.
func (p Precision) End(t time.Time) time.Time {
	switch p {
	case Year, Month, Day:
		return t.AddDate(0, 0, 1).Add(-1)
	case Hour:
		return t.Add(time.Hour - 1)
	case Minute:
		return t.Add(time.Minute - 1)
	case Second:
		return t.Add(time.Second - 1)
	case Millisecond:
		return t.Add(time.Millisecond - 1)
	case Exact:
	}
	return t
}

var (
	// ErrDate is wrapped by every error of [ParseDate].
	ErrDate = errors.New("not a date")
	// ErrFormat is also wrapped if a date format is not supported here, so that Elasticsearch may
	// be able to read the date.
	ErrFormat = errors.New("date format is not read")
)

// The formats of a mapping that names none.
const (
	defaultFormat      = "strict_date_optional_time||epoch_millis"
	defaultNanosFormat = "strict_date_optional_time_nanos||epoch_millis"
)

// DateFormat returns the field's date formats, or the type's default if the mapping names none.
func (f Field) DateFormat() string {
	switch {
	case f.Format != "":
		return f.Format
	case f.Type == DateNanos:
		return defaultNanosFormat
	}
	return defaultFormat
}

// ParseDate parses a date under a mapping's format list; "" means the default of type date,
// strict_date_optional_time||epoch_millis. The first format that fits wins. The result is in UTC,
// to the nanosecond: [Field.Date] truncates it to the precision of the field's type.
func ParseDate(s, formats string) (time.Time, Precision, error) {
	return ParseDateIn(s, formats, time.UTC)
}

// ParseDateIn is like [ParseDate], with the zone of dates that name none.
func ParseDateIn(s, formats string, zone *time.Location) (time.Time, Precision, error) {
	if formats == "" {
		formats = defaultFormat
	}
	for format := range strings.SplitSeq(formats, "||") {
		parse, known := dateFormat(format)
		if !known {
			return time.Time{}, 0, fmt.Errorf("%q: %w [%s]: %w", s, ErrFormat, format, ErrDate)
		}
		if t, p, ok := parse(s, zone); ok {
			return t.UTC(), p, nil
		}
	}
	return time.Time{}, 0, fmt.Errorf("%q with format [%s]: %w", s, formats, ErrDate)
}

// Date returns the time as the field's type stores it: date to the millisecond, date_nanos to the
// nanosecond, but only years within 64 bits of nanoseconds since 1970. False: the type cannot store
// it.
func (f Field) Date(t time.Time) (time.Time, bool) {
	if f.Type != DateNanos {
		return t.Add(-time.Duration(t.Nanosecond()) % time.Millisecond), true
	}
	return t, !t.Before(time.Unix(0, 0)) && !t.After(lastNano)
}

// lastNano is the last time of a date_nanos field.
var lastNano = time.Unix(0, 1<<63-1)

func (f *Field) indexDate(text string) (Value, bool) {
	t, _, err := ParseDate(text, f.DateFormat())
	if err != nil {
		return Value{}, false
	}
	t, ok := f.Date(t)
	return Value{Time: t, String: text}, ok
}
