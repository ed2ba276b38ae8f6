package esql

import (
	"slices"
	"strings"
)

// Joins returns the indices that the query looks rows up in (LOOKUP JOIN), in their order. They are read beside its patterns.
func (q *Query) Joins() []string {
	var out []string
	for i := range q.tokens {
		if !q.begins(i, "LOOKUP", "JOIN") {
			continue
		}
		if name := adjacent(q.tokens[i+2:]); name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// Enriches reports whether the query adds fields by an enrich policy.
func (q *Query) Enriches() bool {
	for i := range q.tokens {
		if q.begins(i, "ENRICH") {
			return true
		}
	}
	return false
}

// begins reports whether a command with these words begins at a token, also in a branch in brackets.
func (q *Query) begins(i int, words ...string) bool {
	if i == 0 || len(q.tokens)-i < len(words) {
		return false
	}
	if before := q.tokens[i-1]; !before.mark("|") && !before.mark("(") {
		return false
	}
	for n, w := range words {
		if !q.tokens[i+n].is(w) {
			return false
		}
	}
	return true
}

// adjacent returns the name at the beginning of tokens: those without blanks between them.
func adjacent(tokens []token) string {
	var name strings.Builder
	for i, t := range tokens {
		if i > 0 && t.span.Start > tokens[i-1].span.End {
			break
		}
		name.WriteString(t.text)
	}
	return name.String()
}
