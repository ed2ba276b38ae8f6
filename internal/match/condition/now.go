package condition

import (
	"regexp"
	"time"

	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/datemath"
)

// AsOf resolves the date math of a condition ("now-30d/d", "2026-01-01||/M") at the given time, so
// that the condition means the same whenever and wherever it is evaluated. ofNow reports whether
// some of it was relative to now. A zero time changes nothing. It does not change [Raw] clauses,
// nor conditions that only a search can interpret: see [OfNow].
func AsOf(e Expr, fields mapping.Fields, now time.Time) (at Expr, ofNow bool) {
	if now.IsZero() {
		return e, false
	}
	m := moment{fields: fields, now: now.Truncate(time.Millisecond)} // Elasticsearch's now has milliseconds.
	at = Map(e, m.leaf)
	return at, m.ofNow
}

// Map returns a condition with each leaf replaced.
func Map(e Expr, replace func(leaf Expr) Expr) Expr {
	switch e := e.(type) {
	case And:
		return And(mapAll(e, replace))
	case Or:
		return Or(mapAll(e, replace))
	case Not:
		return Not{Map(e.X, replace)}
	case Nested:
		e.X = Map(e.X, replace)
		return e
	case Const:
		return e
	}
	return replace(e)
}

func mapAll(members []Expr, replace func(Expr) Expr) []Expr {
	out := make([]Expr, len(members))
	for i, m := range members {
		out[i] = Map(m, replace)
	}
	return out
}

// moment resolves date math at one time.
type moment struct {
	fields mapping.Fields
	now    time.Time
	ofNow  bool
}

// dateRange is the type of fields whose values are date ranges.
const dateRange mapping.Type = "date_range"

func (m *moment) leaf(leaf Expr) Expr {
	f, isDate, alike := m.date(fieldOf(leaf))
	if !isDate {
		return leaf
	}
	switch l := leaf.(type) {
	case Range:
		if !alike && l.Format == "" {
			return m.perIndex(l, f)
		}
		return m.bounds(l, f)
	case Term:
		return m.value(l, l.Value, f)
	case Match:
		return m.value(l, l.Value, f)
	case Terms:
		return m.values(l, f)
	}
	return leaf
}

// date looks up a field that is a date in some index. alike reports that all indices that have the
// field read dates in the same way.
func (m *moment) date(name string) (f mapping.Field, isDate, alike bool) {
	alike = true
	for _, way := range mapping.Ways(m.fields, []string{name}) {
		g, mapped := way.Fields.Field(name)
		switch {
		case !mapped || g.Type.Family() != mapping.FamilyDate && g.Type != dateRange:
		case !isDate:
			f, isDate = g, true
		default:
			alike = alike && g.DateFormat() == f.DateFormat()
		}
	}
	return f, isDate, alike
}

// perIndex leaves the dates of a range to each index, and resolves only now.
func (m *moment) perIndex(r Range, f mapping.Field) Expr {
	now, rest := Range{Field: r.Field, TimeZone: r.TimeZone}, r
	for _, b := range []struct{ from, now *any }{{&rest.Gt, &now.Gt}, {&rest.Gte, &now.Gte}, {&rest.Lt, &now.Lt}, {&rest.Lte, &now.Lte}} {
		if isNow(*b.from) {
			*b.now, *b.from = *b.from, nil
		}
	}
	if len(now.bounds()) == 0 {
		return r
	}
	written := m.bounds(now, f)
	if len(rest.bounds()) == 0 {
		return written
	}
	return And{written, rest}
}

// value turns a test for one value in date math, which stands for its whole unit, into a range.
func (m *moment) value(leaf Expr, value any, f mapping.Field) Expr {
	text, isText := value.(string)
	if _, _, isMath := datemath.Cut(text); !isText || !isMath {
		return leaf
	}
	if _, _, alike := m.date(f.Name); !alike && !isNow(text) {
		return leaf
	}
	whole := Range{Field: fieldOf(leaf), Gte: text, Lte: text}
	if r := m.bounds(whole, f); r != whole {
		return r
	}
	return leaf
}

func (m *moment) values(t Terms, f mapping.Field) Expr {
	var out Or
	rest := Terms{Field: t.Field}
	for _, v := range t.Values {
		one := Term{Field: t.Field, Value: v}
		if r := m.value(one, v, f); r != Expr(one) {
			out = append(out, r)
		} else {
			rest.Values = append(rest.Values, v)
		}
	}
	switch {
	case out == nil:
		return t
	case rest.Values != nil:
		out = append(out, rest)
	}
	return out
}

// exactTime is read by strict_date_optional_time to the nanosecond, so that nothing is rounded.
const (
	exactTime   = "2006-01-02T15:04:05.000000000Z07:00"
	exactFormat = "strict_date_optional_time"
)

// bounds resolves bounds in date math, and the bounds beside them. A bound that cannot be read here
// keeps its format. Bounds that Elasticsearch would reject are unchanged, so that it rejects them.
func (m *moment) bounds(r Range, f mapping.Field) Range {
	dates, unread := readerOf(r, f, m.now)
	dates.now = m.now
	math, kept := false, false
	out := r
	for _, b := range []struct {
		bound
		to *any
	}{{bound{"gt", r.Gt}, &out.Gt}, {bound{"gte", r.Gte}, &out.Gte}, {bound{"lt", r.Lt}, &out.Lt}, {bound{"lte", r.Lte}, &out.Lte}} {
		if b.value == nil {
			continue
		}
		text := literalText(b.value)
		base, _, isMath := datemath.Cut(text)
		at, err := dates.read(text, b.up())
		if err != nil || unread != nil {
			kept = true
			continue
		}
		math = math || isMath
		m.ofNow = m.ofNow || isMath && base == "now"
		*b.to = at.Format(exactTime)
	}
	switch {
	case !math:
		return r
	case kept:
		out.Format = dateFormat(r, f) + "||" + exactFormat
	default:
		out.Format, out.TimeZone = exactFormat, ""
	}
	return out
}

// OfNow reports whether the meaning of a condition may depend on the time: it contains a text that
// is date math on now if the text's field is a date. Fields are not looked up, so there are false
// positives.
func OfNow(e Expr) bool {
	found := false
	Walk(e, func(leaf Expr) {
		switch l := leaf.(type) {
		case Range:
			for _, b := range l.bounds() {
				found = found || isNow(b.value)
			}
		case Term:
			found = found || isNow(l.Value)
		case Match:
			found = found || isNow(l.Value)
		case Terms:
			for _, v := range l.Values {
				found = found || isNow(v)
			}
		case Raw:
			found = found || NowWithin(l.text)
		}
	})
	return found
}

func isNow(value any) bool {
	text, isText := value.(string)
	return isText && datemath.IsNow(text)
}

// NowWithin reports whether a text of some language may contain date math on now.
func NowWithin(text string) bool { return nowWithin.MatchString(text) }

// nowWithin finds now with a step after it, and now alone in the place of a value.
var nowWithin = regexp.MustCompile(`(?:^|[^\pL\d_.])now(?:[-+]\d*[smhHdwMy]|\\*/\d*[smhHdwMy])|(?:^|TO |[\[{(:<>="])now(?:$|[\s\]})"\\])`)
