package spl

import "tocsin/internal/diag"

// At is where a command stands.
type At struct{ Span diag.Span }

// Pos returns the place of the command.
func (a At) Pos() diag.Span { return a.Span }

// Find is search: at the beginning it reads events, later it lets rows through. X is nil without a
// condition.
type Find struct {
	At
	X Expr
}

// Where lets rows through of which X is true.
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
	// Computed tells that the name has names of fields in braces, for their values.
	Computed bool
	X        Node
}

// StatsKind tells what becomes of the rows that are aggregated.
type StatsKind int

// The kinds: one row for each group, all rows with the result of their group, and all rows with
// the result so far.
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
	// Window is the number of rows that streamstats looks back on, 0 for all; NoCurrent leaves the
	// row itself out of it, and Global counts the window over all groups. Within is how many seconds it looks
	// back, 0 for all.
	Window            int
	NoCurrent, Global bool
	Within            *TimeSpan
	// ResetBefore and ResetAfter begin anew before or behind a row that they hold of, OnChange where the
	// values of By change.
	ResetBefore, ResetAfter Node
	OnChange                bool
}

// Agg is one aggregation: Func of the field, of the expression X, or without either of the row.
type Agg struct {
	Func string
	// Percent is the number in p95 and its like.
	Percent float64
	Field   *Name
	X       Node
	As      string
	Span    diag.Span
	// Inner is what sparkline aggregates in steps of time; their length is found out without Step.
	Inner *Agg
	Step  *TimeSpan
}

// Tstats counts events of a data model, or of the index.
type Tstats struct {
	At
	Aggs []Agg
	// Model and Dataset are those of datamodel=Model.Dataset; "" when the index is searched.
	Model, Dataset string
	Where          Expr
	By             []Name
	// Span is the length of the steps in time of a By that is _time; nil without one.
	Span *TimeSpan
	// Fill stands for missing values of By; nil drops such events.
	Fill          *string
	SummariesOnly bool
	// Prestats hands out what a stats behind it counts, and not the results. With Append it is behind the rows
	// of those before it.
	Prestats, Append bool
	// Metrics tells that it is mstats: the fields are measurements.
	Metrics bool
}

// TimeSpan is a length of time such as 5m, or a number of units of another field when Unit is "". Steps of
// Unit log grow: they begin at N times a power of Base. One that has a Snap, such as w1, is of one unit and
// begins where the time modifier @w1 snaps to.
type TimeSpan struct {
	N    float64
	Unit string
	Base float64
	Snap string
}

// Rename gives fields other names. Names may have stars.
type Rename struct {
	At
	Pairs []Pair
}

// Pair is from AS to.
type Pair struct{ From, To Name }

// Table keeps fields in an order.
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

// Fillnull gives missing fields a value; without names all fields that any row has.
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

// Sort orders rows; Limit 0 keeps all.
type Sort struct {
	At
	Limit int
	Keys  []SortKey
}

// SortKey is one field of an order. As is "", or one of auto, num, str, ip.
type SortKey struct {
	Name       Name
	Descending bool
	As         string
}

// Rex takes fields out of a text by a pattern with named groups, or changes it by a sed expression.
type Rex struct {
	At
	Field   string
	Pattern Text
	Sed     bool
	// MaxMatch is how many matches are taken; 0 is all.
	MaxMatch int
	Offset   string
}

// Regex lets rows through whose field matches.
type Regex struct {
	At
	Field   string
	Negate  bool
	Pattern Text
}

// Bin puts the values of a field into steps.
type Bin struct {
	At
	Field Name
	As    string
	Span  *TimeSpan
	// Bins is the number of steps at most where there is no Span, and Least how long they are at least.
	Bins  int
	Least *TimeSpan
	// Align is a moment that a step begins at: "earliest", "latest", or what stands for a time.
	Align      string
	Start, End *float64
}

// Convert changes the form of values.
type Convert struct {
	At
	TimeFormat string
	Sets       []Conversion
}

// Conversion is one function of convert over fields that may have stars.
type Conversion struct {
	Func  string
	Field Name
	As    string
}

// ConvertFormat is the format of convert's times when it names none.
const ConvertFormat = "%m/%d/%Y %H:%M:%S"
