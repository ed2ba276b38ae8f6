package search

import (
	"context"
	"strings"
	"time"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
)

// ESQL is a place of events that also runs ES|QL, in which a query is no condition on events but
// makes rows of its own. Of the places only a cluster does.
type ESQL interface {
	// RunESQL runs a query to its end. When the context ends before, the query is ended where it runs.
	// What is wrong with the query itself is a [*QueryError]. A failure of kind Partial comes with the
	// rows that could be had.
	RunESQL(ctx context.Context, q ESQLQuery) (Rows, error)
	// Documents reads documents by name. Those that are there no more are left out.
	Documents(ctx context.Context, refs []Ref) (map[Ref]event.Event, error)
}

// ESQLQuery is one query and what narrows the documents that it reads.
type ESQLQuery struct {
	Text string
	// Filter is Query DSL; nil filters nothing.
	Filter condition.Query
}

// Body returns the body of the _query request.
func (q ESQLQuery) Body() condition.Query {
	body := condition.Query{"query": q.Text}
	if q.Filter != nil {
		body["filter"] = q.Filter
	}
	return body
}

// ESQLPath is the path under which a query is run by hand, as the runner runs it.
const ESQLPath = "/_query?allow_partial_results=true"

// Rows are the answer to a query.
type Rows struct {
	Columns []Column
	// Values has one list for each row, with one value for each column: nil, a scalar with numbers as
	// json.Number, or a list of scalars.
	Values [][]any
	// Warnings are what the place remarks on, in its words.
	Warnings []string
	Took     time.Duration
}

// Column is one column of an answer; Type is ES|QL's name of it.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Column returns the place of a column, -1 when there is none of the name.
func (r Rows) Column(name string) int {
	for i, c := range r.Columns {
		if c.Name == name {
			return i
		}
	}
	return -1
}

// QueryError is what a place has to say against a query.
type QueryError struct {
	Problems []Problem
	// Err is the answer as a whole.
	Err error
}

// Problem is one of its faults. Line and Column count from 1, columns in characters of the text that
// was sent; both are 0 when the place is not known.
type Problem struct {
	Line, Column int
	Message      string
}

// Error joins the problems.
func (e *QueryError) Error() string {
	if len(e.Problems) == 0 {
		return e.Err.Error()
	}
	messages := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		messages[i] = p.Message
	}
	return strings.Join(messages, "; ")
}

// Unwrap returns the answer.
func (e *QueryError) Unwrap() error { return e.Err }
