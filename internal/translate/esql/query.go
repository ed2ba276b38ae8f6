package esql

import (
	"slices"
	"strings"

	"tocsin/internal/diag"
)

// Codes of diagnostics.
const (
	// CodeSyntax marks text that Elasticsearch cannot parse.
	CodeSyntax = "esql/syntax"
	// CodeUnknown marks a command that is not known here but may exist in Elasticsearch.
	CodeUnknown = "esql/unknown-command"
	// CodeIdentity marks a query that drops what distinguishes its rows.
	CodeIdentity = "esql/identity"
)

// Query is a query in stages.
type Query struct {
	text   diag.Text
	source source
	stages []stage
	shape  Shape
	// inserts are the additions that keep the name of each row's document, now the calls of NOW().
	inserts []edit
	now     []diag.Span
	tokens  []token
}

// stage is one command between pipes.
type stage struct {
	// command is its name in capitals: WHERE, INLINE STATS.
	command string
	// name is the position of the command, args are the tokens after it.
	name diag.Span
	args []token
}

// end returns the offset after the last token.
func (s stage) end() int {
	if n := len(s.args); n > 0 {
		return s.args[n-1].span.End
	}
	return s.name.End
}

// Text returns the original query.
func (q *Query) Text() diag.Text { return q.text }

// Patterns returns the index patterns of the query, in order; none for ROW and SHOW. A component
// selector of a data stream (::data) is left out.
func (q *Query) Patterns() []string {
	var out []string
	for _, p := range q.source.patterns {
		if name, _, _ := strings.Cut(p.name, "::"); !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// Shape returns what the rows of the query stand for.
func (q *Query) Shape() Shape { return q.shape }

// CommandAt returns the command whose name is at an offset of the text, "" when there is none, and
// the command of the stage that contains the offset.
func (q *Query) CommandAt(offset int) (named, within string) {
	all := append([]stage{{command: q.source.command, name: q.source.name}}, q.stages...)
	for _, s := range all {
		if s.name.Start > offset {
			break
		}
		named, within = "", s.command
		if offset < s.name.End {
			named = s.command
		}
	}
	return named, within
}
