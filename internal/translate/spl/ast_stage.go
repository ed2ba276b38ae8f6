package spl

import "tocsin/internal/diag"

// At is the position of a command.
type At struct{ Span diag.Span }

// Pos returns the place of the command.
func (a At) Pos() diag.Span { return a.Span }

// Find is search: as the first command it reads events, later it filters rows. X is nil without a condition.
type Find struct {
	At
	X Expr
}

// Where keeps rows for which X is true.
type Where struct {
	At
	X Node
}

// Eval sets fields one after the other.
type Eval struct {
	At
	Sets []Set
}

// Set is one assignment of eval.
type Set struct {
	Field Name
	// Computed reports that the name contains field names in braces, which are replaced by their values.
	Computed bool
	X        Node
}

// StatsKind is what happens to the aggregated rows.
type StatsKind int

// The kinds: one row for each group, all rows with the result of their group, and all rows with the result so far.
const (
	Stats StatsKind = iota
	Eventstats
	Streamstats
)

// Aggregate is stats, eventstats or streamstats.
type Aggregate struct {
	At
	Kind StatsKind
	Aggs []Agg
	By   []Name
	// Window is the number of rows that streamstats aggregates, 0 for all. NoCurrent excludes the row itself, and
	// Global counts the window over all groups. Within is the length of the window in seconds, 0 for all.
	Window            int
	NoCurrent, Global bool
	Within            *TimeSpan
	// ResetBefore and ResetAfter reset the aggregation before or after a row that matches. OnChange resets it when
	// the values of By change.
	ResetBefore, ResetAfter Node
	OnChange                bool
}

// Agg is one aggregation: Func of the field, of the expression X, or without either of the rows.
type Agg struct {
	Func string
	// Percent is the number in p95 and similar names.
	Percent float64
	Field   *Name
	X       Node
	As      string
	Span    diag.Span
	// Inner is the aggregation of sparkline over time intervals; without Step their length is computed.
	Inner *Agg
	Step  *TimeSpan
}

// Tstats aggregates events of a data model, or of an index.
type Tstats struct {
	At
	Aggs []Agg
	// Model and Dataset are from datamodel=Model.Dataset; "" if an index is searched.
	Model, Dataset string
	Where          Expr
	By             []Name
	// Span is the interval length if By has _time; nil without a span.
	Span *TimeSpan
	// Fill replaces missing values of By; nil excludes such events.
	Fill          *string
	SummariesOnly bool
	// Prestats returns input for a following stats instead of results. Append adds it to the rows of the previous
	// tstats.
	Prestats, Append bool
	// Metrics reports that it is mstats: the fields are metrics.
	Metrics bool
}

// TimeSpan is a length of time such as 5m, or a number of units of another field if Unit is "". Intervals of Unit
// log grow: they start at N times a power of Base. A span with a Snap, such as w1, is one unit and starts where
// the time modifier @w1 snaps to.
type TimeSpan struct {
	N    float64
	Unit string
	Base float64
	Snap string
}

// Rename renames fields. Names may have stars.
type Rename struct {
	At
	Pairs []Pair
}

// Pair is from AS to.
type Pair struct{ From, To Name }

// Table keeps fields in the given order.
type Table struct {
	At
	Names []Name
}

// Fields keeps fields, or removes them.
type Fields struct {
	At
	Remove bool
	Names  []Name
}

// Fillnull sets missing fields to a value; without names, all fields of any row.
type Fillnull struct {
	At
	Value string
	Names []Name
}

// Dedup keeps the first rows of each combination of values.
type Dedup struct {
	At
	N                                  int
	Names                              []Name
	KeepEvents, KeepEmpty, Consecutive bool
	SortBy                             []SortKey
}

// Sort orders rows; Limit 0 means no limit.
type Sort struct {
	At
	Limit int
	Keys  []SortKey
}

// SortKey is one field of the order. As is "" or one of auto, num, str, ip.
type SortKey struct {
	Name       Name
	Descending bool
	As         string
}

// Rex extracts fields with the named groups of a pattern, or changes a text with a sed expression.
type Rex struct {
	At
	Field   string
	Pattern Text
	Sed     bool
	// MaxMatch is the maximum number of matches; 0 means all.
	MaxMatch int
	Offset   string
}

// Regex keeps rows whose field matches.
type Regex struct {
	At
	Field   string
	Negate  bool
	Pattern Text
}

// Bin puts the values of a field into intervals.
type Bin struct {
	At
	Field Name
	As    string
	Span  *TimeSpan
	// Bins is the maximum number of intervals without a Span, and Least their minimum length.
	Bins  int
	Least *TimeSpan
	// Align is a time at which an interval starts: "earliest", "latest", or a time modifier or timestamp.
	Align      string
	Start, End *float64
}

// Convert converts values.
type Convert struct {
	At
	TimeFormat string
	Sets       []Conversion
}

// Conversion is one function of convert; its field names may have stars.
type Conversion struct {
	Func  string
	Field Name
	As    string
}

// ConvertFormat is the default time format of convert.
const ConvertFormat = "%m/%d/%Y %H:%M:%S"
