// Package search says what a search for events is, independently of who answers it: a cluster or
// files in memory.
//
// It talks to nobody. The flow: the planner asks an [Events] which indices and fields a rule's
// patterns mean ([Events.Resolve]), builds a [Request], and is handed the hits page by page
// ([Events.Search]). [Request.Filter] is the one definition of what a request matches, for Query
// DSL and for memory.
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

// Events is a place where events can be searched.
type Events interface {
	// Resolve finds what index patterns mean now and how the named fields are mapped there. Patterns
	// that match nothing and closed indices are reported in the Target, not as errors.
	Resolve(ctx context.Context, patterns, fields []string) (Target, error)
	// Search hands every hit to visit, in order, page by page. It ends early without an error when
	// visit returns false. A failure of kind Partial is returned after the hits that could be had.
	Search(ctx context.Context, r Request, visit Visit) (Result, error)
}

// Visit receives one page of hits; returning false ends the search, an error fails it.
//
// The slice is the visitor's, to keep and to change. What the events point to (Source, Fields, Types) is not: others may
// read it too, so it must not be changed. From [Events.Search] it stays as it is for as long as somebody has it, but a
// Source may be a part of the whole page's memory: who keeps an event beyond the visit keeps a copy of its Source. From
// [Slicer.SearchSlices] it is good until the visitor returns.
type Visit func(page []event.Event) (more bool, err error)

// Target is what a rule's index patterns mean at one time.
type Target struct {
	// Indices are the open indices, aliases and data streams that patterns match; searching them is
	// pointless when empty.
	Indices []string
	// Missing are the patterns that match no open index, Closed the closed indices that match.
	Missing, Closed []string
	// Unread are the places that patterns mean and that cannot be read; they are not among Missing.
	Unread []Unread
	// Partly are the patterns that are read within what the user may read of them.
	Partly []Unread
	// Fields answers for the fields asked about.
	Fields mapping.Fields
}

// Request is one search over events in order of time.
type Request struct {
	// Patterns are the index patterns, as a rule writes them.
	Patterns []string
	// Where is the condition; the searcher must be able to evaluate all of it (see
	// condition.Pushdown).
	Where condition.Expr
	// Whole, if not nil, is what is wanted of the documents that Where admits, and it can be matched in memory:
	// who matches documents there asks it in place of Where, and finds no others.
	Whole condition.Expr
	Time  TimeRange
	// OrderBy is the field of the order; "" means the fields of Time.
	OrderBy string
	// Tiebreaker is an optional last field of the order.
	Tiebreaker string
	// Descending returns the newest first.
	Descending bool
	// Fields names fields whose values are wanted as the index has them, besides the source.
	Fields []string
	// OmitSource leaves the source out of hits ("{}" stands in for it): only Fields are wanted.
	OmitSource bool
	// PageSize is the number of hits in one page; 0 means [DefaultPageSize].
	PageSize int
	// Text is what is asked in memory in words, from whoever has it at hand; "" when nobody has.
	Text string
	// FieldTypes is the Target's Fields; searching in memory needs it.
	FieldTypes mapping.Fields
}

// DefaultPageSize balances round trips against the memory of one page.
const DefaultPageSize = 1000

// TimeRange bounds and orders a search in time. The bounds are half-open; one that is the zero
// time does not bound.
type TimeRange struct {
	// Field holds the time; documents that lack it are judged by Fallback, unless that is "".
	Field, Fallback string
	Window          window.Window
}

// Result is what a search as a whole has to say.
type Result struct {
	// Total is the number of hits that match, also of those not visited; -1 when it is not known.
	Total int64
	// Took is the time that the searcher itself reports, summed over pages.
	Took time.Duration
	// Pages is the number of pages read.
	Pages int
}

// DefaultTimestamp is the field that events carry their time in.
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

// Order returns the fields that hits are ordered by, the first one first; none where the order is
// of no account. A hit that lacks a field comes last in either direction.
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

// Words returns the condition in words. Equal words are equal conditions.
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

// TypesOf returns how an index maps fields, nil where the request does not know.
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
