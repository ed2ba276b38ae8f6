package condition

import (
	"fmt"
	"strings"
	"time"

	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/datemath"
)

// dateReader reads the date literals beside a field.
type dateReader struct {
	// formats are the date formats. zone is the zone of dates that name none; nil is UTC.
	formats string
	zone    *time.Location
	// now is the value of "now"; zero if it is not known.
	now time.Time
}

// readerOf returns how the bounds of a range on a field are read.
func readerOf(r Range, f mapping.Field, now time.Time) (dateReader, error) {
	d := dateReader{formats: dateFormat(r, f), now: now}
	if isUTC[r.TimeZone] {
		return d, nil
	}
	zone, known := mapping.ParseZone(r.TimeZone)
	if !known {
		return d, fmt.Errorf("time zone [%s]: %w", r.TimeZone, ErrSearchOnly)
	}
	d.zone = zone
	return d, nil
}

// read reads a date, or date math on a date or on now, as Elasticsearch does. With up, a date that
// is rounded or incomplete stands for the end of its unit: "<= 2026-01-02" ends with the day, and
// "> 2026-01-02" begins on the next. The date that date math begins with is never widened.
func (d dateReader) read(text string, up bool) (time.Time, error) {
	zone := d.zone
	if zone == nil {
		zone = time.UTC
	}
	base, math, isMath := datemath.Cut(text)
	if !isMath {
		t, precision, err := mapping.ParseDateIn(text, d.formats, zone)
		if err != nil {
			return t, fmt.Errorf("%w: %w", err, ErrLiteral)
		}
		if up {
			t = precision.End(t.In(zone)).UTC()
		}
		return t, nil
	}
	steps, err := datemath.Steps(math)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %w", err, ErrLiteral)
	}
	from := d.now
	if strings.HasPrefix(text, "now") {
		if from.IsZero() {
			return from, fmt.Errorf("%q: %w", text, ErrNow)
		}
	} else if from, _, err = mapping.ParseDateIn(base, d.formats, zone); err != nil {
		return from, fmt.Errorf("%w: %w", err, ErrLiteral)
	}
	return steps.In(from, zone, up), nil
}
