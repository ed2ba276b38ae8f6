package rule

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
	"tocsin/internal/scheduler"
	"tocsin/internal/scheduler/datemath"
)

// parsed makes a field from a parse function of a string. On an error the default stays.
func parsed[T, V any](kind string, at func(*T) *V, parse func(string) (V, error)) tomltree.Field[T] {
	return func(d *tomltree.Decoder, v *tomltree.Value, to *T) {
		var s string
		tomltree.Scalar(func(*T) *string { return &s })(d, v, to)
		if v.Kind != tomltree.String {
			return
		}
		got, err := parse(s)
		if err != nil {
			d.Report(diag.Error, kind, v.Span, "%s: %s", v.Path(), err)
			return
		}
		*at(to) = got
	}
}

// moment reads date math.
func moment[T any](at func(*T) *Moment) tomltree.Field[T] {
	return parsed("bad-date-math", at, func(text string) (Moment, error) {
		e, err := datemath.Parse(text)
		return Moment{Text: text, Expr: e}, err
	})
}

var interval = parsed("bad-interval", func(r *Rule) *time.Duration { return &r.Interval }, parseInterval)

// units are the units of Kibana's intervals.
var units = map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}

// parseInterval parses a number and a unit: 5m.
func parseInterval(text string) (time.Duration, error) {
	bad := fmt.Errorf("%q is not an interval, want a number and one of s, m, h, d: 5m", text)
	if text == "" {
		return 0, bad
	}
	unit, ok := units[text[len(text)-1]]
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 32)
	if !ok || err != nil {
		return 0, bad
	}
	if n == 0 {
		return 0, errors.New("an interval must not be 0")
	}
	if n > uint64(maxInterval/unit) {
		return 0, fmt.Errorf("%q is longer than a year", text)
	}
	return time.Duration(n) * unit, nil
}

// maxInterval keeps arithmetic on slots far from the limits of time.Duration.
const maxInterval = 366 * 24 * time.Hour

var cronExpression = parsed("bad-cron", func(r *Rule) *string { return &r.Cron }, parseCron)

// parseCron validates the expression with the scheduler, which will run it.
func parseCron(text string) (string, error) {
	slots, err := scheduler.Cron(text, time.UTC)
	if err != nil {
		return "", err
	}
	if slots.Next(reference).IsZero() {
		return "", fmt.Errorf("%q never comes", text)
	}
	return text, nil
}

// cronTimeZone is the time zone of the cron expression.
var cronTimeZone = parsed("bad-time-zone", func(r *Rule) *string { return &r.CronTimeZone }, parseTimeZone)

// day reads a date of the file format. An invalid date is a warning, as no run depends on it.
func day[T any](at func(*T) *time.Time) tomltree.Field[T] {
	return func(d *tomltree.Decoder, v *tomltree.Value, to *T) {
		if v.Kind != tomltree.DateTime && v.Kind != tomltree.String {
			tomltree.Scalar(func(*T) *string { return new(string) })(d, v, to)
			return
		}
		for _, layout := range []string{"2006/01/02", time.DateOnly} {
			if t, err := time.Parse(layout, v.Text); err == nil {
				*at(to) = t
				return
			}
		}
		d.Report(diag.Warning, "bad-date", v.Span, "%s: %q is not a date, want 2006/01/02", v.Path(), v.Text)
	}
}

// span is a duration in Kibana's API.
type span struct {
	value int
	unit  string
}

var spanFields = tomltree.Fields[span]{
	"value": tomltree.Number(func(s *span) *int { return &s.value }),
	"unit":  tomltree.Scalar(func(s *span) *string { return &s.unit }),
}

// suppressionDuration reads {value = 5, unit = "m"}.
func suppressionDuration(d *tomltree.Decoder, v *tomltree.Value, to *AlertSuppression) {
	var length span
	before := len(d.List)
	if tomltree.Into(d, v, spanFields, &length); len(d.List) > before {
		return
	}
	var err error
	if to.Duration, err = parseInterval(strconv.Itoa(length.value) + length.unit); err != nil {
		d.Report(diag.Error, "bad-interval", v.Span, "%s: %s", v.Path(), err)
	}
}

// constant checks a key whose value never varies in the format.
func constant[T any](want string) tomltree.Field[T] {
	return func(d *tomltree.Decoder, v *tomltree.Value, to *T) {
		var s string
		tomltree.Scalar(func(*T) *string { return &s })(d, v, to)
		if v.Kind == tomltree.String && s != want {
			d.Report(diag.Error, "bad-value", v.Span, "%s must be %q, not %q", v.Path(), want, s)
		}
	}
}
