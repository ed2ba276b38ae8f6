package esql

import (
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/diag"
)

// Rows is what the rows of a query stand for.
type Rows int

// The kinds of rows.
const (
	// Documents are rows that each stand for the document that they were read from.
	Documents Rows = iota
	// Made are rows that the query makes of many documents, or of none.
	Made
	// Open are rows that only the answer can classify: they are documents if it names them.
	Open
)

// Shape is what the text of a query says about its rows.
type Shape struct {
	Rows Rows
	// Independent means that the result for a document does not depend on others: the query can run
	// for one part of the time range after the other.
	Independent bool
	// Sorted means that the query sorts its rows.
	Sorted bool
	// Limit is the LIMIT at the end of the query, 0 if there is none.
	Limit int
	// Now means that the query uses the current time.
	Now bool
}

// effect is the effect of a command on its input rows.
type effect int

const (
	perRow     effect = iota // keeps, changes or drops each row individually
	multiplies               // makes several rows of one row
	wholeTable               // keeps rows, but depends on all of them
	aggregates               // makes new rows of several rows
	unclear
)

// identity are the metadata fields that name a document.
var identity = []string{"_id", "_index"}

// judge determines the shape and the additions that keep the name of each row's document.
func (p *parser) judge() {
	q := p.query
	shape := &q.shape
	shape.Independent = true
	shape.Now = len(nowCalls(q.tokens)) > 0
	switch src := q.source; {
	case src.command == "FROM" && !src.nested, src.command == "TS", src.command == "METRICS":
		p.metadata()
	case src.command == "ROW", src.command == "SHOW":
		shape.Rows = Made
	default:
		shape.Rows = Open
	}
	for _, s := range q.stages {
		p.apply(s)
	}
	if shape.Rows != Documents {
		q.inserts = nil
		shape.Independent = false
	}
}

// apply applies the effect of one stage.
func (p *parser) apply(s stage) {
	shape := &p.query.shape
	e, known := commands[s.command]
	if !known {
		e = unclear
	}
	switch e {
	case aggregates:
		shape.Rows, shape.Sorted = Made, false
	case unclear:
		shape.Independent = false
		if shape.Rows == Documents {
			shape.Rows = Open
		}
	case wholeTable:
		shape.Independent = false
	case perRow, multiplies:
	}
	switch s.command {
	case "SORT":
		shape.Sorted = true
	case "LIMIT":
		shape.Limit = 0
		if len(s.args) == 1 {
			shape.Limit, _ = strconv.Atoi(s.args[0].text)
		}
	case "EVAL", "KEEP", "DROP", "RENAME", "GROK", "DISSECT", "ENRICH", "COMPLETION":
	default: // rows may be dropped or added
		shape.Limit = 0
	}
	if shape.Rows == Documents {
		p.identity(s)
	}
}

// metadata requests the names of the documents if the query does not.
func (p *parser) metadata() {
	src := p.query.source
	missing := without(identity, src.metadata)
	if len(missing) == 0 {
		return
	}
	clause := " METADATA "
	if len(src.metadata) > 0 {
		clause = ", "
	}
	p.insert(src.metadataAt, clause+strings.Join(missing, ", "))
}

func (p *parser) insert(at int, what string) {
	p.query.inserts = append(p.query.inserts, edit{diag.Span{Start: at, End: at}, what})
}

// identity keeps the names of the documents through a stage, or reports that it drops them.
func (p *parser) identity(s stage) {
	switch s.command {
	case "KEEP":
		var missing []string
		for _, name := range identity {
			if !slices.ContainsFunc(lists(s.args), func(l []token) bool { return covers(l, name) }) {
				missing = append(missing, name)
			}
		}
		if len(missing) > 0 {
			p.insert(s.end(), ", "+strings.Join(missing, ", "))
		}
	case "DROP":
		for _, l := range lists(s.args) {
			if covers(l, "_id") || covers(l, "_index") {
				p.loseIdentity(s, l)
			}
		}
	case "RENAME", "EVAL":
		for _, l := range lists(s.args) {
			if changes(s.command, l) {
				p.loseIdentity(s, l)
			}
		}
	}
}

// changes reports whether an element of EVAL or RENAME gives _id or _index another meaning.
func changes(command string, l []token) bool {
	names := func(t token) bool {
		return (t.kind == word || t.kind == quoted) && slices.Contains(identity, t.text)
	}
	if command == "RENAME" {
		return slices.ContainsFunc(l, names)
	}
	return len(l) > 2 && names(l[0]) && l[1].mark("=") && !l[2].mark("=")
}

// loseIdentity makes the rows stand for themselves.
func (p *parser) loseIdentity(s stage, l []token) {
	if p.query.shape.Rows != Documents {
		return
	}
	p.query.shape.Rows = Made
	p.report(diag.Warning, CodeIdentity, l[0].span.To(l[len(l)-1].span),
		"%s drops _id or _index: alerts are identified by the values of their rows, as for an aggregating query", s.command)
}

// lists splits tokens at commas outside of brackets.
func lists(tokens []token) [][]token {
	var out [][]token
	for more := true; more; {
		var one []token
		if one, tokens, more = before(tokens, ","); len(one) > 0 {
			out = append(out, one)
		}
	}
	return out
}

// covers reports whether a name or pattern of KEEP or DROP matches a name. A star is a wildcard
// only outside of backticks.
func covers(l []token, name string) bool {
	var pattern strings.Builder
	for _, t := range l {
		if t.kind == quoted {
			pattern.WriteString(strings.ReplaceAll(t.text, "*", "\x00"))
		} else {
			pattern.WriteString(t.text)
		}
	}
	parts := strings.Split(pattern.String(), "*")
	if len(parts) == 1 {
		return pattern.String() == name
	}
	last := parts[len(parts)-1]
	rest, ok := strings.CutPrefix(name, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return strings.HasSuffix(rest, last)
}

// without returns the names that are not in others.
func without(names, others []string) []string {
	var out []string
	for _, name := range names {
		if !slices.Contains(others, name) {
			out = append(out, name)
		}
	}
	return out
}
