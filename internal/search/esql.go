package search

import (
	"context"
	"strings"
	"time"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
)

// ESQL is an [Events] that can run ES|QL, in which a query is not a condition on events but makes its own
// rows. Only a cluster implements it.
type ESQL interface {
	// RunESQL runs a query to its end. If the context ends first, the query is cancelled. If the query itself
	// is wrong, the error is a [*QueryError]. A failure of kind Partial comes with the available rows.
	RunESQL(ctx context.Context, q ESQLQuery) (Rows, error)
	// Documents reads documents by index and id. Missing documents are left out.
	Documents(ctx context.Context, refs []Ref) (map[Ref]event.Event, error)
}

// ESQLQuery is a query with a filter for the documents that it reads.
type ESQLQuery struct {
	Text string
	// Filter is Query DSL; nil: no filter.
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

// ESQLPath is the path for running a query by hand in the same way.
const ESQLPath = "/_query?allow_partial_results=true"

// Rows are the result of a query.
type Rows struct {
	Columns []Column
	// Values has one list for each row, with one value for each column: nil, a scalar with numbers as
	// json.Number, or a list of scalars.
	Values [][]any
	// Warnings are the warnings of the backend, in its words.
	Warnings []string
	Took     time.Duration
}

// Column is one column of an answer; Type is ES|QL's name of the type.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Column returns the index of a column; -1 if there is none of the name.
func (r Rows) Column(name string) int {
	for i, c := range r.Columns {
		if c.Name == name {
			return i
		}
	}
	return -1
}

// QueryError is an error in the text of a query.
type QueryError struct {
	Problems []Problem
	// Err is the whole answer.
	Err error
}

// Problem is one error of a query. Line and Column count from 1, columns in characters of the text as sent;
// both are 0 if the position is unknown.
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

// Unwrap returns the whole answer.
func (e *QueryError) Unwrap() error { return e.Err }
