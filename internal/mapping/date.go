package mapping

import (
	"errors"
	"fmt"
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
	Millisecond
	Exact
)

// End returns the last nanosecond of what t stands for as the upper end of a range. As in
// Elasticsearch that is never more than a day: "2026" as an upper bound is the end of January 1st.
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
	// ErrFormat is wrapped, besides, where a date format is not known here, so that Elasticsearch
	// may well read the date.
	ErrFormat = errors.New("date format is not read")
)

// The formats that a mapping without any has.
const (
	defaultFormat      = "strict_date_optional_time||epoch_millis"
	defaultNanosFormat = "strict_date_optional_time_nanos||epoch_millis"
)

// DateFormat returns the field's date formats, the type's default where the mapping names none.
func (f Field) DateFormat() string {
	switch {
	case f.Format != "":
		return f.Format
	case f.Type == DateNanos:
		return defaultNanosFormat
	}
	return defaultFormat
}

// ParseDate reads a date under a mapping's format list, "" meaning the default of type date,
// strict_date_optional_time||epoch_millis. The first format that fits counts. The result is in UTC,
// to the nanosecond: [Field.Date] cuts it to what the field's type keeps.
func ParseDate(s, formats string) (time.Time, Precision, error) {
	return ParseDateIn(s, formats, time.UTC)
}

// ParseDateIn is [ParseDate] of a date that is one of a zone where it names none.
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

// Date returns the time as the field's type keeps it: date to the millisecond, date_nanos all of
// it, but only the years that 64 bits of nanoseconds since 1970 reach. False: it is not kept at all.
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
