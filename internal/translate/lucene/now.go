package lucene

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// Moment is the context in which a text is resolved.
type Moment struct {
	Now    time.Time
	Fields mapping.Fields
	// DefaultField is the field of tests that name none, TimeZone the zone of dates that name none.
	DefaultField, TimeZone string
}

// AsOf resolves the date math of a text that Elasticsearch gets unchanged, as [condition.AsOf] does
// for conditions. Dates are written in their field's format. If no format is known, or the text is
// invalid, it stays unchanged.
func AsOf(text string, m Moment) (at string, ofNow bool) {
	q, _ := Parse(diag.NewText("query", text))
	if q == nil || q.Where == nil || m.Now.IsZero() {
		return text, false
	}
	d := dateResolver{Moment: m, source: text}
	d.list(q.Where, m.DefaultField)
	slices.SortFunc(d.edits, func(a, b edit) int { return b.span.Start - a.span.Start })
	for _, e := range d.edits {
		text = text[:e.span.Start] + e.with + text[e.span.End:]
	}
	return text, d.ofNow
}

type edit struct {
	span diag.Span
	with string
}

// dateResolver finds the dates of a text.
type dateResolver struct {
	Moment
	source string
	edits  []edit
	ofNow  bool
}

func (d *dateResolver) list(l *List, field string) {
	for _, c := range l.Clauses {
		switch n := c.X.(type) {
		case *Group:
			d.list(n.List, named(n.Field, field))
		case *Range:
			d.replace(n.Field, field, n.Span, rangeLeaf(n, named(n.Field, field)))
		case *Test:
			switch {
			case n.Fuzzy != "" || n.Kind != Word && n.Kind != Phrase:
			case n.Kind == Word && isCompared(n.Text):
				d.replace(n.Field, field, n.Span, rangeLeaf(comparison(n), named(n.Field, field)))
			default:
				d.replace(n.Field, field, n.Span, condition.Range{Field: named(n.Field, field), Gte: n.Text, Lte: n.Text})
			}
		}
	}
}

// rangeLeaf returns the range as a condition.
func rangeLeaf(n *Range, field string) condition.Range {
	r := condition.Range{Field: field}
	if n.Low != "*" {
		r.Gt = n.Low
		if n.LowIn {
			r.Gt, r.Gte = nil, n.Low
		}
	}
	if n.High != "*" {
		r.Lt = n.High
		if n.HighIn {
			r.Lt, r.Lte = nil, n.High
		}
	}
	return r
}

// replace replaces a test by a range with resolved dates.
func (d *dateResolver) replace(own *Field, around string, span diag.Span, r condition.Range) {
	f, mapped := d.Fields.Field(named(own, around))
	if !mapped {
		return
	}
	r.TimeZone = d.TimeZone
	at, ofNow := condition.AsOf(r, d.Fields, d.Now)
	out, ok := at.(condition.Range)
	if !ok || out == r {
		return
	}
	low, okLow := d.bound(`[`, `{`, out.Gte, out.Gt, f)
	high, okHigh := d.bound(`]`, `}`, out.Lte, out.Lt, f)
	if !okLow || !okHigh {
		return
	}
	d.ofNow = d.ofNow || ofNow
	text := low + " TO " + high[1:] + high[:1]
	if own != nil {
		text = d.source[own.Span.Start:own.Span.End] + ":" + text
	}
	d.edits = append(d.edits, edit{span, text})
}

// bound writes one end of a range with its bracket.
func (d *dateResolver) bound(within, beyond string, in, out any, f mapping.Field) (string, bool) {
	bracket, value := within, in
	if value == nil {
		bracket, value = beyond, out
	}
	if value == nil {
		return within + "*", true
	}
	text, _ := value.(string)
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return "", false
	}
	text, ok := readable(t, f)
	return bracket + strconv.Quote(text), ok
}

// readable formats a time so that the field's date format reads it, to the nanosecond.
func readable(t time.Time, f mapping.Field) (string, bool) {
	seconds, nanos := strconv.FormatInt(t.Unix(), 10), strconv.Itoa(1e9 + t.Nanosecond())[1:]
	for _, text := range []string{
		t.UTC().Format("2006-01-02T15:04:05.000000000Z07:00"),
		strings.TrimLeft(seconds, "0") + nanos[:3] + "." + nanos[3:],
		seconds + "." + nanos,
	} {
		if read, precision, err := mapping.ParseDate(text, f.DateFormat()); err == nil && precision == mapping.Exact && read.Equal(t) {
			return text, true
		}
	}
	return "", false
}
