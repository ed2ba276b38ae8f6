package spl

import "strconv"

// Chart is chart or timechart: one row for each value of Over and one column for each value of By.
type Chart struct {
	At
	// Time reports that it is timechart, whose rows are time intervals without gaps.
	Time bool
	Aggs []Agg
	// Over is nil if there is only one row. Values of Over and By may be put into intervals.
	Over, By           *Name
	OverSteps, BySteps Steps
	// Limit is the maximum number of columns without Other, 0 for all: the columns with the largest sums, or with
	// the smallest.
	Limit  int
	Bottom bool
	// NoOther drops the columns beyond Limit, NoNull the events without By.
	NoOther, NoNull bool
	Other, Null     string
	Columns         Columns
	// Gaps omits intervals without events, and Loose the empty intervals before the first and after the last
	// event.
	Gaps, Loose bool
	// Where selects the columns instead of Limit; nil if it is not set.
	Where *Series
}

// Series is a condition on columns: Func of the results of a column is compared with a number, or is among the
// largest or smallest N.
type Series struct {
	Func string
	// Op is <, >, in or notin.
	Op string
	// Least selects the N smallest instead of the N largest.
	Least bool
	N     int
	Than  float64
}

// Steps defines intervals; without a span and bins there are none.
type Steps struct {
	Span *TimeSpan
	Bins int
	// Least is the minimum length of an interval.
	Least *TimeSpan
	// Align is a time at which an interval starts.
	Align string
}

// Columns defines the names of columns for a function and a value.
type Columns struct{ Sep, Format string }

// Xyseries makes one row for each X from rows with a name and values, with one column for each name.
type Xyseries struct {
	At
	X, Name Name
	Values  []Name
	// Grouped reports that rows with the same X are adjacent.
	Grouped bool
	Columns Columns
}

// Untable makes a row for each field of a row.
type Untable struct {
	At
	X, Name, Value Name
}

// Transpose turns rows into columns.
type Transpose struct {
	At
	// Max is the maximum number of rows that become columns; 0 means all.
	Max int
	// Column is the field for the old names, Header the field whose values are the names of the columns.
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

// usualColumns is the default number of columns of chart and timechart.
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
