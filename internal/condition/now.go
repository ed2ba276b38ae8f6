package condition

import (
	"strings"
	"time"

	"tocsin/internal/datemath"
	"tocsin/internal/mapping"
)

// AsOf writes out what the bounds of ranges on dates leave to the moment of asking ("now-30d/d"), as
// if that were now: so that a condition means the same whenever and wherever it is evaluated. The
// zero moment changes nothing, and neither do bounds with a time zone of their own.
func AsOf(e Expr, fields mapping.Fields, now time.Time) Expr {
	if now.IsZero() {
		return e
	}
	switch e := e.(type) {
	case And:
		return And(allAsOf(e, fields, now))
	case Or:
		return Or(allAsOf(e, fields, now))
	case Not:
		return Not{AsOf(e.X, fields, now)}
	case Nested:
		e.X = AsOf(e.X, fields, now)
		return e
	case Range:
		if f, ok := fields.Field(e.Field); ok && f.Type.Family() == mapping.FamilyDate && e.TimeZone == "" {
			return e.asOf(f, now)
		}
	}
	return e
}

func allAsOf(members []Expr, fields mapping.Fields, now time.Time) []Expr {
	out := make([]Expr, len(members))
	for i, m := range members {
		out[i] = AsOf(m, fields, now)
	}
	return out
}

// exactTime is read by strict_date_optional_time to the nanosecond: nothing is left to be rounded.
const (
	exactTime   = "2006-01-02T15:04:05.000000000Z07:00"
	exactFormat = "strict_date_optional_time"
)

// asOf replaces bounds in date math. Another bound beside keeps the format that it is written in.
func (r Range) asOf(f mapping.Field, now time.Time) Range {
	replaced, kept := false, false
	at := func(bound any, moment func(datemath.Expr, time.Time) time.Time) any {
		text, isText := bound.(string)
		if !isText || !strings.HasPrefix(text, "now") {
			kept = kept || bound != nil
			return bound
		}
		e, err := datemath.Parse(text)
		if err != nil {
			kept = true
			return bound // Elasticsearch will say the same of it.
		}
		replaced = true
		return moment(e, now).Format(exactTime)
	}
	out := r
	out.Gt, out.Gte = at(r.Gt, datemath.Expr.EndAt), at(r.Gte, datemath.Expr.At)
	out.Lt, out.Lte = at(r.Lt, datemath.Expr.At), at(r.Lte, datemath.Expr.EndAt)
	switch {
	case !replaced:
		return r
	case kept:
		out.Format = exactFormat + "||" + dateFormat(r, f)
	default:
		out.Format = exactFormat
	}
	return out
}
