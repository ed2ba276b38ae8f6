package pushdown

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/splunk"
)

// ownTime is the time field of events with Splunk's own field names.
const ownTime = "_time"

// times are the fields with the time of events.
type times struct {
	field, fallback string
	// seconds is a field with the time as a number of seconds since 1970, for events without field; "" if there is none.
	seconds string
	// dates tells that seconds is a date in other indices.
	dates bool
	// as is the assumed type of the fallback field in files without a mapping.
	as *mapping.Field
	// note says which events are not found because of their time field; "" if all are.
	note string
}

// times returns the time fields of events: @timestamp, and _time as the fallback if events may lack it. mapped: the
// fields are a real mapping, and not inferred from files.
func (e *Events) times(fields mapping.Fields, mapped bool) times {
	usual := times{field: e.timeField()}
	if e.TimeField != "" || assumed(fields) {
		return usual
	}
	if _, has := fields.Field(ownTime); !has {
		return usual
	}
	some, all, formatted := false, mapped, true
	// Of the indices without @timestamp: whether there are numbers and dates in _time, and what else there is.
	numbers, dates, lost := false, false, mapping.Type("")
	texts := false // whether _time is neither in some index
	for _, index := range mapping.Own(fields) {
		_, has := index.Field(usual.field)
		f, hasOwn := index.Field(ownTime)
		formatted = formatted && (!hasOwn || f.Type.Family() == mapping.FamilyDate && f.Format != "")
		some = some || has
		family := f.Type.Family()
		isNumber := family == mapping.FamilyInteger || family == mapping.FamilyFloat
		switch {
		case hasOwn && has:
			texts = texts || family != mapping.FamilyDate
		case hasOwn:
			if numbers, dates = numbers || isNumber, dates || family == mapping.FamilyDate; !isNumber && family != mapping.FamilyDate {
				texts, lost = true, f.Type
			}
		}
		all = all && (has || !hasOwn)
	}
	if all {
		return usual
	}
	switch {
	case !mapped && !formatted:
		usual.fallback, usual.as = ownTime, &mapping.Field{Name: ownTime, Type: mapping.Date, Format: "epoch_second||strict_date_optional_time"}
	case numbers:
		usual.seconds, usual.dates = ownTime, dates
		usual.note = "has no @timestamp, and _time is a number: its events are found, and not in order of their time; map _time as a date with the format epoch_second"
	case dates && texts: // which cannot be put into an order of time
		usual.seconds, usual.dates = ownTime, true
	case dates && some:
		usual.fallback = ownTime
	case dates:
		usual.field = ownTime
	}
	if lost != "" {
		usual.note = fmt.Sprintf("has no @timestamp, and _time is of type [%s]: its events are not found; map _time as a date", lost)
	}
	return usual
}

// types returns the types of fields for a request.
func (t times) types(fields mapping.Fields) mapping.Fields {
	if t.as == nil {
		return fields
	}
	return mapping.Over(mapping.Table{t.as.Name: *t.as}, fields)
}

// within restricts a request to a window.
func (p *Plan) within(r search.Request, w window.Window) search.Request {
	if p.at.seconds == "" {
		r.Time.Window = w
		return r
	}
	span := condition.Range{Field: p.at.seconds}
	bound := func(t time.Time) any { return splunk.Epoch(t) }
	if p.at.dates { // both kinds of fields read such a text
		span.Format = "epoch_second"
		bound = func(t time.Time) any { return strconv.FormatFloat(splunk.Epoch(t), 'f', 3, 64) }
	}
	if !w.From.IsZero() {
		span.Gte = bound(w.From)
	}
	if !w.To.IsZero() {
		span.Lt = bound(w.To)
	}
	r.Time.Window = window.Window{}
	if span.Gte != nil || span.Lt != nil {
		usual := search.TimeRange{Field: r.Time.Field, Window: w}
		r.Where = condition.Simplify(condition.And{r.Where, condition.Or{
			usual.Condition(), condition.And{condition.Not{X: condition.Exists{Field: r.Time.Field}}, span},
		}})
	}
	return r
}

// Shared reports whether the shared scan of several rules can apply the window of requests.
func (p *Plan) Shared() bool { return p.at.seconds == "" }

// TimeNote says which events are not found because of their time field; "" if all are.
func (p *Plan) TimeNote() string { return p.at.note }

// indexed sets _indextime of a row from event.ingested.
func indexed(row splunk.Row) {
	if _, has := row["_indextime"]; has {
		return
	}
	if at, _, err := mapping.ParseDate(row["event.ingested"].String(), ""); err == nil {
		row["_indextime"] = splunk.Number(splunk.Epoch(at))
	}
}

// time returns the time of a document: the indexed value, or else the value in the source.
func (p *Plan) time(d *event.Document) (time.Time, error) {
	var err error
	for _, name := range []string{p.Request.Time.Field, p.Request.Time.Fallback} {
		if name == "" {
			continue
		}
		f, mapped := p.Request.FieldTypes.Field(name)
		if mapped && f.Type.Family() == mapping.FamilyDate {
			for _, v := range d.Values(f) {
				return v.Time, nil
			}
		}
		at, _, fault := mapping.ParseDate(event.First(d.Source, name), "")
		if fault == nil {
			return at, nil
		}
		if err == nil {
			err = fault
		}
	}
	if p.at.seconds != "" {
		if f, mapped := p.Request.FieldTypes.Field(p.at.seconds); mapped && p.at.dates {
			for _, v := range d.Values(f) { // as the index of the document has it
				if !v.Time.IsZero() {
					return v.Time, nil
				}
			}
		}
		if x, ok := splunk.Text(event.First(d.Source, p.at.seconds)).Float(); ok {
			return time.UnixMicro(int64(math.Round(x * 1e6))), nil
		}
	}
	return time.Time{}, err //nolint:wrapcheck // the caller names the document
}
