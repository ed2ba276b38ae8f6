package search

import (
	"context"
	"strings"
	"time"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
)

// ESQL is a backend that also runs ES|QL, in which a query is not a condition on events but produces rows. Only a cluster
// does.
type ESQL interface {
	// RunESQL runs a query to its end. If the context ends first, the query is cancelled. An error in the query itself
	// is a [*QueryError]. A partial failure is returned together with the rows that could be read.
	RunESQL(ctx context.Context, q ESQLQuery) (Rows, error)
	// Documents is as in [Documents].
	Documents(ctx context.Context, refs []Ref) (map[Ref]event.Event, error)
}

// ESQLQuery is a query with a filter on the documents that it reads.
type ESQLQuery struct {
	Text string
	// Filter is Query DSL; nil means no filter.
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

// ESQLPath is the path for sending a query by hand.
const ESQLPath = "/_query?allow_partial_results=true"

// Rows are the result of a query.
type Rows struct {
	Columns []Column
	// Values has one list for each row, with one value for each column: nil, a scalar with numbers as
	// json.Number, or a list of scalars.
	Values [][]any
	// Warnings are the backend's own warnings.
	Warnings []string
	Took     time.Duration
}

// Column is one column of an answer; Type is ES|QL's name of it.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Column returns the number of a column, or -1.
func (r Rows) Column(name string) int {
	for i, c := range r.Columns {
		if c.Name == name {
			return i
		}
	}
	return -1
}

// QueryError is a backend's rejection of a query.
type QueryError struct {
	Problems []Problem
	// Err is the answer as a whole.
	Err error
}

// Problem is one error in a query. Line and Column count from 1, in characters of the text that was sent; both are 0 if
// the position is unknown.
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
