// Package search defines searches for events, independently of the backend: a cluster, or files in memory.
//
// The flow: a plan resolves a rule's patterns and fields with an [Events] ([Events.Resolve]), builds a [Request], and
// receives the hits page by page ([Events.Search]). [Request.Filter] is the one definition of what a request matches, for
// Query DSL and for memory.
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

// Events is a backend with events.
type Events interface {
	// Resolve returns the indices that patterns match now, and the mapping of the named fields. Patterns that match
	// nothing and closed indices are in the Target; they are not errors.
	Resolve(ctx context.Context, patterns, fields []string) (Target, error)
	// Search passes all hits to visit, in order, page by page. It ends early without an error when visit returns false.
	// A partial failure is returned after the hits that could be read.
	Search(ctx context.Context, r Request, visit Visit) (Result, error)
}

// Visit receives one page of hits; returning false ends the search, an error fails it.
//
// The slice belongs to the visitor, who may keep and change it. What the events refer to (Source, Fields, Types) may be
// shared with others and must not be changed. From [Events.Search] it remains valid, but a Source may be a part of the
// whole page's memory: to keep an event beyond the visit, copy its Source. From [Slicer.SearchSlices] it is valid until the
// visitor returns.
type Visit func(page []event.Event) (more bool, err error)

// Target is the result of resolving index patterns and fields.
type Target struct {
	// Indices are the open indices, aliases and data streams that patterns match; searching them is
	// pointless when empty.
	Indices []string
	// Missing are the patterns that match no open index, Closed the closed indices that match.
	Missing, Closed []string
	// Unread are the places that patterns match but that cannot be read; they are not in Missing.
	Unread []Unread
	// Partly are the patterns of which the user may read only some indices.
	Partly []Unread
	// Fields is the mapping of the fields.
	Fields mapping.Fields
}

// Request is one search over events in order of time.
type Request struct {
	// Patterns are the index patterns, as a rule writes them.
	Patterns []string
	// Where is the condition; the backend must be able to evaluate all of it (see [condition.Pushdown]).
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
	// Fields are fields whose indexed values are requested in addition to the source.
	Fields []string
	// OmitSource leaves out the source of hits, which is "{}" then.
	OmitSource bool
	// PageSize is the number of hits in one page; 0 means [DefaultPageSize].
	PageSize int
	// Text is the condition that is matched in memory ([Request.Asked]) as text, if the caller has it already;
	// otherwise "".
	Text string
	// FieldTypes is the Target's Fields; searching in memory needs it.
	FieldTypes mapping.Fields
}

// DefaultPageSize balances round trips against the memory of one page.
const DefaultPageSize = 1000

// TimeRange is a half-open range of time. A zero bound does not limit it.
type TimeRange struct {
	// Field has the time; for documents that lack it, Fallback has, unless that is "".
	Field, Fallback string
	Window          window.Window
}

// Result is the outcome of a search as a whole.
type Result struct {
	// Total is the number of matching events, including those not visited; -1 if it is not known.
	Total int64
	// Took is the time that the backend reports, summed over pages.
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

// FormatTime writes a time as every date field reads it: to the millisecond, finer where needed.
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
	// IsTime tells a field of time from a tiebreaker.
	IsTime bool
}

// Order returns the fields by which hits are sorted, in order of precedence; none if the order does not matter. A hit that
// lacks a field comes last in either direction.
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

// Words returns the condition as text. Equal texts mean equal conditions.
func (r Request) Words() string {
	if r.Text == "" && r.Asked() != nil {
		return r.Asked().String()
	}
	return r.Text
}

// Asked returns the condition that documents are matched with in memory.
func (r Request) Asked() condition.Expr {
	if r.Whole != nil {
		return r.Whole
	}
	return r.Where
}

// TypesOf returns the mapping of an index; nil if the request does not have it.
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
