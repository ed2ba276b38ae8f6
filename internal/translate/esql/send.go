package esql

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/diag"
)

// edit replaces a span of the text.
type edit struct {
	span diag.Span
	with string
}

// Options are additions to a query before it is sent.
type Options struct {
	// Limit is the maximum number of rows, whatever the query's own limits.
	Limit int
	// Now is the result of NOW(); zero leaves it to Elasticsearch.
	Now time.Time
	// Without are index patterns to leave out because they match nothing: Elasticsearch may reject
	// the whole query for one of them.
	Without []string
	// Names returns the names that replace a pattern; nil: patterns are sent unchanged.
	Names func(pattern string) []string
}

// Sent is the text of a query as sent.
type Sent struct {
	Text  string
	query *Query
	edits []edit
}

// Send returns the text to send: rows that stand for a document get its name (METADATA _id, _index,
// through every KEEP), and a last stage limits their number.
func (q *Query) Send(o Options) Sent {
	edits := slices.Clone(q.inserts)
	if !o.Now.IsZero() {
		moment := fmt.Sprintf("TO_DATETIME(%q)", o.Now.UTC().Format("2006-01-02T15:04:05.000Z"))
		for _, call := range q.now {
			edits = append(edits, edit{call, moment})
		}
	}
	if list := q.source.remaining(o); list != "" {
		edits = append(edits, edit{q.source.list, list})
	}
	// After the last token, not at the end: there may be a comment or a blank line.
	end := q.tokens[len(q.tokens)-1].span.End
	edits = append(edits, edit{diag.Span{Start: end, End: end}, fmt.Sprintf("\n| LIMIT %d", o.Limit)})
	slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Compare(a.span.Start, b.span.Start) })
	var b strings.Builder
	at := 0
	for _, e := range edits {
		b.WriteString(q.text.Value[at:e.span.Start])
		b.WriteString(e.with)
		at = e.span.End
	}
	b.WriteString(q.text.Value[at:])
	return Sent{Text: b.String(), query: q, edits: edits}
}

// remaining returns the list of patterns, replaced by names and without the excluded ones; "" if
// nothing changes, or nothing remains.
func (s source) remaining(o Options) string {
	var out []string
	changed := false
	for _, p := range s.patterns {
		stand := []string{p.name}
		if o.Names != nil {
			stand = o.Names(p.name)
		}
		changed = changed || len(stand) != 1 || stand[0] != p.name
		for _, name := range stand {
			if plain, _, _ := strings.Cut(name, "::"); slices.Contains(o.Without, plain) {
				changed = true
				continue
			}
			out = append(out, fmt.Sprintf("%q", name))
		}
	}
	if !changed || s.nested {
		return ""
	}
	return strings.Join(out, ", ")
}

// Span maps a position in the sent text, in lines and characters from 1, to the token at that
// position in the original query. An addition maps to what it was added to.
func (s Sent) Span(line, column int) diag.Span {
	return s.query.tokenAt(s.original(offset(s.Text, line, column)))
}

func offset(text string, line, column int) int {
	at := 0
	for l := range strings.Lines(text) {
		if line--; line > 0 {
			at += len(l)
			continue
		}
		for i := range l {
			if column--; column <= 0 {
				return at + i
			}
		}
		return at + len(l)
	}
	return len(text)
}

// original maps an offset of the sent text to the original text.
func (s Sent) original(at int) int {
	shift := 0 // how much longer the sent text is by the edits so far
	for _, e := range s.edits {
		start := e.span.Start + shift
		if at < start {
			break
		}
		if at < start+len(e.with) {
			if e.span.Start == e.span.End {
				return max(0, e.span.Start-1)
			}
			return e.span.Start
		}
		shift += len(e.with) - (e.span.End - e.span.Start)
	}
	return at - shift
}

// tokenAt returns the span of the token at or after an offset, with adjacent tokens joined by dots:
// a field's whole name.
func (q *Query) tokenAt(at int) diag.Span {
	i := slices.IndexFunc(q.tokens, func(t token) bool { return at < t.span.End })
	if i < 0 {
		i = len(q.tokens) - 1
	}
	span := q.tokens[i].span
	if k := q.tokens[i].kind; k != word && k != quoted {
		return span
	}
	for _, t := range q.tokens[i+1:] {
		if t.span.Start != span.End || t.kind != word && t.kind != quoted && !t.mark(".") {
			break
		}
		span = span.To(t.span)
	}
	return span
}
