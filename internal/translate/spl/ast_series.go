package spl

import "strconv"

// Chart is chart or timechart: a row for each value of Over and a column for each of By.
type Chart struct {
	At
	// Time tells that it is timechart, whose rows are steps of time without gaps.
	Time bool
	Aggs []Agg
	// Over is nil where all is one row. A value of it, or of By, may be a step.
	Over, By           *Name
	OverSteps, BySteps Steps
	// Limit is how many columns there are at most beside Other, 0 for all: those with the greatest sums, or
	// the least ones.
	Limit  int
	Bottom bool
	// NoOther drops the columns that are too many, NoNull the events that lack By.
	NoOther, NoNull bool
	Other, Null     string
	Columns         Columns
	// Gaps leaves out the steps without events, and Loose those around all events.
	Gaps, Loose bool
	// Where says which columns there are, in the place of Limit; nil when it does not.
	Where *Series
}

// Series is a condition of columns: what Func makes of the results of one is more or less than a number, or
// among the greatest or least ones.
type Series struct {
	Func string
	// Op is <, >, in or notin.
	Op string
	// Least tells that the N least are meant and not the greatest.
	Least bool
	N     int
	Than  float64
}

// Steps are how values become steps; none without a span and bins.
type Steps struct {
	Span *TimeSpan
	Bins int
	// Least is how long a step is at least.
	Least *TimeSpan
	// Align is a moment that a step begins at.
	Align string
}

// Columns are how columns are named that are of a function and a value.
type Columns struct{ Sep, Format string }

// Xyseries makes of rows with a name and values a row for each X, with a column for each name.
type Xyseries struct {
	At
	X, Name Name
	Values  []Name
	// Grouped tells that rows of one X stand together.
	Grouped bool
	Columns Columns
}

// Untable makes a row of each field of a row.
type Untable struct {
	At
	X, Name, Value Name
}

// Transpose makes columns of rows.
type Transpose struct {
	At
	// Max is how many rows become columns; 0 is all.
	Max int
	// Column is the field of the names, Header the one whose values are the names of the columns.
	Column, Header string
	SkipEmpty      bool
}

const (
	usualSep    = ": "
	usualColumn = "column"
	usualOther  = "OTHER"
	usualNull   = "NULL"
	usualRows   = 5
)

// Command returns chart or timechart.
func (c *Chart) Command() string {
	if c.Time {
		return "timechart"
	}
	return "chart"
}

// Command returns xyseries.
func (*Xyseries) Command() string { return "xyseries" }

// Command returns untable.
func (*Untable) Command() string { return "untable" }

// Command returns transpose.
func (*Transpose) Command() string { return "transpose" }

// String writes the command with its functions.
func (c *Chart) String() string {
	limit := number("limit", c.Limit, usualColumns)
	if c.Bottom {
		limit = "limit=bottom" + strconv.Itoa(c.Limit)
	}
	head := line(c.Command(), limit, off("useother", c.NoOther), off("usenull", c.NoNull), setting("otherstr", c.Other, usualOther),
		setting("nullstr", c.Null, usualNull), c.Columns.String(), off("cont", c.Gaps), off("fixedrange", c.Loose))
	over := ""
	switch {
	case c.Time:
		head = line(head, c.OverSteps.String())
	case c.Over != nil:
		over = line("over", c.Over.String(), c.OverSteps.String())
	}
	columns := ""
	if c.By != nil {
		columns = line("by", c.By.String(), c.BySteps.String())
	}
	where := ""
	if c.Where != nil {
		where = c.Where.String()
	}
	return line(head, joined(c.Aggs, ", "), over, columns, where)
}

// String writes where with its condition.
func (s *Series) String() string {
	switch {
	case s.Op == "<" || s.Op == ">":
		return line("where", s.Func, s.Op, decimal(s.Than))
	case s.Least:
		return line("where", s.Func, s.Op, "bottom"+strconv.Itoa(s.N))
	}
	return line("where", s.Func, s.Op, "top"+strconv.Itoa(s.N))
}

// usualColumns is how many columns chart and timechart make when they do not say.
const usualColumns = 10

// String writes span and bins.
func (s Steps) String() string {
	least := ""
	if s.Least != nil {
		least = "minspan=" + s.Least.String()
	}
	return line(span(s.Span), number("bins", s.Bins, 0), least, setting("aligntime", s.Align, ""))
}

// String writes sep and format.
func (c Columns) String() string {
	return line(setting("sep", c.Sep, usualSep), setting("format", c.Format, ""))
}

// String writes xyseries with its fields.
func (x *Xyseries) String() string {
	return line("xyseries", flag("grouped", x.Grouped), x.Columns.String(), x.X.String(), x.Name.String(), printNames(x.Values))
}

// String writes untable with its fields.
func (u *Untable) String() string {
	return line("untable", u.X.String(), u.Name.String(), u.Value.String())
}

// String writes transpose with its options.
func (t *Transpose) String() string {
	rows := ""
	if t.Max != usualRows {
		rows = strconv.Itoa(t.Max)
	}
	return line("transpose", rows, setting("column_name", t.Column, usualColumn), setting("header_field", t.Header, ""), off("include_empty", t.SkipEmpty))
}
