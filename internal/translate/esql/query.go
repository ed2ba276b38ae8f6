package esql

import (
	"slices"
	"strings"

	"tocsin/internal/diag"
)

// Codes of diagnostics.
const (
	// CodeSyntax marks what Elasticsearch cannot read.
	CodeSyntax = "esql/syntax"
	// CodeUnknown marks a command that is not known here and may be to Elasticsearch.
	CodeUnknown = "esql/unknown-command"
	// CodeIdentity marks a query that takes away by which its rows can be told apart.
	CodeIdentity = "esql/identity"
)

// Query is a query cut into its stages.
type Query struct {
	text   diag.Text
	source source
	stages []stage
	shape  Shape
	// inserts are what the rows need to keep their document's name, now the calls of NOW().
	inserts []edit
	now     []diag.Span
	tokens  []token
}

// stage is one command between pipes.
type stage struct {
	// command is its name in capitals: WHERE, INLINE STATS.
	command string
	// name is where that stands, args the tokens behind it.
	name diag.Span
	args []token
}

// end is the offset behind the last token.
func (s stage) end() int {
	if n := len(s.args); n > 0 {
		return s.args[n-1].span.End
	}
	return s.name.End
}

// Text returns the query as it was written.
func (q *Query) Text() diag.Text { return q.text }

// Patterns returns the index patterns that the query names, in order; none of ROW and SHOW. A
// selector of a data stream's part (::data) is left out.
func (q *Query) Patterns() []string {
	var out []string
	for _, p := range q.source.patterns {
		if name, _, _ := strings.Cut(p.name, "::"); !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// Shape says what the rows of the query stand for.
func (q *Query) Shape() Shape { return q.shape }

// CommandAt returns the command whose name stands at an offset of the text, "" when none does, and
// the command of the stage that the offset is in.
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
