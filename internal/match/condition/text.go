package condition

import (
	"fmt"
	"strings"

	"tocsin/internal/match/mapping"
)

// compileMatch makes the test of a field that is not analysed: it compares with the one value that
// the text stands for.
func compileMatch(m Match, f mapping.Field) (valueTest, error) {
	if m.Value == nil {
		return valueTest{}, fmt.Errorf("null cannot be searched for: %w", ErrLiteral)
	}
	if f.Type == mapping.Unknown {
		return guessMatch(literalText(m.Value)), nil
	}
	return compileTerm(m.Value, false, f)
}

// guessMatch compares with the text, or with a network if the text is one.
func guessMatch(text string) valueTest {
	same := equalText(text, false).values()
	if !strings.Contains(text, "/") {
		return same
	}
	within, err := compileCIDR([]string{text})
	if err != nil {
		return same
	}
	return valueTest{accept: func(v mapping.Value) bool { return same.accept(v) || within.accept(v) }}
}

// compileQueryString accepts a single pattern. Several are words and operators of a separate
// language.
func compileQueryString(q QueryString, f mapping.Field) (valueTest, error) {
	if strings.ContainsFunc(q.Pattern, isQueryBlank) {
		return valueTest{}, fmt.Errorf("%q is several patterns: %w", q.Pattern, ErrSearchOnly)
	}
	return lazyPattern(f.Normalize(q.Pattern), false), nil
}

// isQueryBlank reports whether a character separates the words of a query string.
func isQueryBlank(r rune) bool { return strings.ContainsRune(" \t\r\n\u3000", r) }

func matchDSL(m Match) Query {
	if m.Field == "" {
		kind := "best_fields"
		if m.Phrase {
			kind = "phrase"
		}
		return Query{"multi_match": Query{"type": kind, "query": m.Value, "lenient": true}}
	}
	if m.Phrase {
		return Query{"match_phrase": Query{m.Field: m.Value}}
	}
	return Query{"match": Query{m.Field: m.Value}}
}

// querySpecial are the characters with a meaning in a query string.
const querySpecial = `+-=&|><!(){}[]^"~*?:\/`

// queryStringDSL keeps the pattern's stars and escapes the rest.
func queryStringDSL(q QueryString) Query {
	var b strings.Builder
	escaped := false
	for _, r := range q.Pattern {
		switch {
		case !escaped && r == '\\':
			escaped = true
			continue
		case !escaped && (r == '*' || r == '?'):
		case strings.ContainsRune(querySpecial, r):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
		escaped = false
	}
	body := Query{"query": b.String()}
	if q.Field != "" {
		body["fields"] = []string{q.Field}
	}
	return Query{"query_string": body}
}

func nestedDSL(n Nested) Query {
	body := Query{"path": n.Path, "query": DSL(n.X), "score_mode": "none"}
	if n.IgnoreUnmapped {
		body["ignore_unmapped"] = true
	}
	return Query{"nested": body}
}
