// Package search defines a search for events, independent of the backend: a cluster or files in memory.
//
// It does no I/O. The flow: the planner asks an [Events] for the indices and fields of a rule's patterns
// ([Events.Resolve]), builds a [Request], and receives the hits page by page ([Events.Search]).
// [Request.Filter] is the only definition of which events a request matches, for Query DSL and for memory.
package search

import (
	"context"
	"slices"
	"time"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/window"
)

// Events is a backend in which events can be searched.
type Events interface {
	// Resolve returns the indices that patterns match now, and how the named fields are mapped there.
	// Patterns that match nothing and closed indices are reported in the Target, not as errors.
	Resolve(ctx context.Context, patterns, fields []string) (Target, error)
	// Search passes every hit to visit, in order, page by page. It ends early without an error when visit
	// returns false. A failure of kind Partial is returned after the hits that could be read.
	Search(ctx context.Context, r Request, visit Visit) (Result, error)
}

// Visit receives one page of hits; returning false ends the search, an error fails it.
//
// The visitor owns the slice and may change it. It must not change the data that events refer to (Source,
// Fields, Types), which others may read. From [Events.Search], that data stays valid, but a Source may be a
// part of the memory of the whole page: a visitor that keeps an event should copy its Source. From
// [Slicer.SearchSlices], it is valid until the visitor returns.
type Visit func(page []event.Event) (more bool, err error)

// Target is the resolution of a rule's index patterns at one time.
type Target struct {
	// Indices are the open indices, aliases and data streams that the patterns match; if it is empty, there
	// is nothing to search.
	Indices []string
	// Missing are the patterns that match no open index, Closed the closed indices that match.
	Missing, Closed []string
	// Unread are the matching places that cannot be read; they are not in Missing.
	Unread []Unread
	// Partly are the patterns of which the user may read only a part; that part is read.
	Partly []Unread
	// Fields has the mappings of the requested fields.
	Fields mapping.Fields
}

// Request is one search over events in order of time.
type Request struct {
	// Patterns are the index patterns, as written in a rule.
	Patterns []string
	// Where is the condition; the backend must be able to evaluate all of it (see condition.Pushdown).
	Where condition.Expr
	// Whole, if not nil, is what is wanted of the documents that Where admits, and it can be matched in memory:
	// who matches documents there asks it in place of Where, and finds no others.
	Whole condition.Expr
	Time  TimeRange
	// OrderBy is the field by which hits are sorted; "" means the fields of Time.
	OrderBy string
	// Tiebreaker is an optional last field of the order.
	Tiebreaker string
	// Descending returns the newest first.
	Descending bool
	// Fields names fields whose indexed values are returned, besides the source.
	Fields []string
	// OmitSource leaves out the source of hits ("{}" replaces it): only Fields are needed.
	OmitSource bool
	// PageSize is the number of hits in one page; 0 means [DefaultPageSize].
	PageSize int
	// Text stands for the condition that is matched in memory ([Request.Asked]), if the caller keeps that: equal texts
	// are equal conditions. Otherwise nil.
	Text func() string
	// FieldTypes are the Target's Fields; searching in memory needs them.
	FieldTypes mapping.Fields
}

// DefaultPageSize balances round trips against the memory of one page.
const DefaultPageSize = 1000

// TimeRange is the time range and time order of a search. The bounds are half-open; a zero time is no bound.
type TimeRange struct {
	// Field is the time field; documents without it are tested by Fallback, unless that is "".
	Field, Fallback string
	Window          window.Window
}

// Result reports on a whole search.
type Result struct {
	// Total is the number of matching events, whether visited or not; -1 if it is unknown.
	Total int64
	// Took is the time that the backend reports, summed over the pages.
	Took time.Duration
	// Pages is the number of pages read.
	Pages int
}

// DefaultTimestamp is the usual time field of events.
const DefaultTimestamp = "@timestamp"

// Condition returns the range as a condition; true without bounds.
func (t TimeRange) Condition() condition.Expr {
	if t.Field == "" || t.Window.From.IsZero() && t.Window.To.IsZero() {
		return condition.Const(true)
	}
	primary := t.within(t.Field)
	if t.Fallback == "" || t.Fallback == t.Field {
		return primary
	}
	return condition.Or{
		primary,
		condition.And{t.within(t.Fallback), condition.Not{X: condition.Exists{Field: t.Field}}},
	}
}

func (t TimeRange) within(field string) condition.Expr {
	r := condition.Range{Field: field, Format: "strict_date_optional_time"}
	if !t.Window.From.IsZero() {
		r.Gte = FormatTime(t.Window.From)
	}
	if !t.Window.To.IsZero() {
		r.Lt = FormatTime(t.Window.To)
	}
	return r
}

// FormatTime formats a time for any date field: to the millisecond, more precisely if needed.
func FormatTime(t time.Time) string {
	t = t.UTC()
	if t.Nanosecond()%int(time.Millisecond) != 0 {
		return t.Format(time.RFC3339Nano)
	}
	return t.Format("2006-01-02T15:04:05.000Z07:00")
}

// OrderField is one field of a request's order.
type OrderField struct {
	Name string
	// IsTime distinguishes time fields from tiebreakers.
	IsTime bool
}

// Order returns the fields of the order, the first one first; none if the order does not matter. A hit
// without a field is last in either direction.
func (r Request) Order() []OrderField {
	times := []string{r.OrderBy}
	if r.OrderBy == "" {
		times = []string{r.Time.Field, r.Time.Fallback}
	}
	var order []OrderField
	seen := map[string]bool{"": true}
	for i, name := range append(slices.Clone(times), r.Tiebreaker) {
		if !seen[name] {
			seen[name] = true
			order = append(order, OrderField{name, i < len(times)})
		}
	}
	return order
}

// Filter returns the whole condition of the request, for matching in memory: its time range and what is asked.
func (r Request) Filter() condition.Expr {
	return condition.Simplify(condition.And{r.Time.Condition(), r.Asked()})
}

// Key returns what stands for the condition. Equal keys are equal conditions.
func (r Request) Key() string {
	switch {
	case r.Text != nil:
		return r.Text()
	case r.Asked() != nil:
		return r.Asked().String()
	}
	return ""
}

// Asked returns the condition that documents are matched with in memory.
func (r Request) Asked() condition.Expr {
	if r.Whole != nil {
		return r.Whole
	}
	return r.Where
}

// TypesOf returns how an index maps fields; nil if the request does not know.
func (r Request) TypesOf(index string) mapping.Fields {
	if r.FieldTypes == nil {
		return nil
	}
	return mapping.OfIndex(r.FieldTypes, index)
}

// Size returns the page size to use.
func (r Request) Size() int {
	if r.PageSize > 0 {
		return r.PageSize
	}
	return DefaultPageSize
}
