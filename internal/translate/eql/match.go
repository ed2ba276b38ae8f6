package eql

import (
	"errors"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/lregexp"
	"tocsin/internal/match/mapping"
)

// match lowers x : patterns, like and regex.
func (l *lowerer) match(n *Match) condition.Expr {
	patterns, ok := l.patterns(n)
	if !ok {
		return condition.Const(false)
	}
	field, isField := n.X.(*Field)
	if !isField {
		return l.residual(n)
	}
	fold := n.Op == ":" || strings.HasSuffix(n.Op, "~")
	return l.onField(field, func(f mapping.Field) condition.Expr {
		if strings.HasPrefix(n.Op, "regex") {
			return l.strings(f, field.Span, l.source(n), l.regex(f.Name, patterns, fold))
		}
		var members condition.Or
		for _, p := range patterns {
			members = append(members, like(f.Name, p, fold))
		}
		return l.strings(f, field.Span, l.source(n), members)
	})
}

// patterns returns the pattern texts; only strings are allowed.
func (l *lowerer) patterns(n *Match) ([]string, bool) {
	var out []string
	for _, p := range n.Patterns {
		s, ok := p.Value.(string)
		if !ok {
			l.fail(p.Span, CodeType, "2nd argument of [%s] must be [string], found value [%s] type [%s]", l.source(n), l.source(p), kindOfLiteral(p.Value))
			return nil, false
		}
		if strings.HasPrefix(n.Op, "regex") && !l.checkRegex(p, s, strings.HasSuffix(n.Op, "~")) {
			return nil, false
		}
		out = append(out, s)
	}
	return out, true
}

// like has the wildcards * and ? and no escapes; a backslash is an ordinary character.
func like(field, pattern string, fold bool) condition.Expr {
	if !strings.ContainsAny(pattern, "*?") {
		return condition.Term{Field: field, Value: pattern, Fold: fold}
	}
	return condition.Wildcard{Field: field, Pattern: strings.ReplaceAll(pattern, `\`, `\\`), Fold: fold}
}

// regex joins several patterns into one alternation, as Elasticsearch does, unless that would
// exceed its limit for a pattern's length. A pattern that matches a single string becomes a term.
func (l *lowerer) regex(field string, patterns []string, fold bool) condition.Expr {
	joined := strings.Join(patterns, "|")
	if mapping.UTF16Len(joined) > maxRegexLength {
		var members condition.Or
		for _, p := range patterns {
			members = append(members, condition.Regexp{Field: field, Pattern: p, Fold: fold})
		}
		return members
	}
	re, err := lregexp.Compile(joined, lregexp.Options{Flags: lregexp.All})
	if err == nil {
		if text, ok := re.Literal(); ok {
			return condition.Term{Field: field, Value: text, Fold: fold}
		}
	}
	return condition.Regexp{Field: field, Pattern: joined, Fold: fold}
}

// maxRegexLength is Elasticsearch's default for index.max_regex_length.
const maxRegexLength = 1000

// checkRegex reports an error of a pattern, at its character if known.
func (l *lowerer) checkRegex(n *Literal, pattern string, fold bool) bool {
	if length := mapping.UTF16Len(pattern); length > maxRegexLength {
		l.fail(n.Span, CodeType, "the regular expression has %d characters; Elasticsearch allows %d", length, maxRegexLength)
		return false
	}
	_, err := lregexp.Compile(pattern, lregexp.Options{Flags: lregexp.All, CaseInsensitive: fold})
	if err == nil {
		return true
	}
	at := n.Span
	var syntax *lregexp.SyntaxError
	if errors.As(err, &syntax) && l.verbatim(n, pattern) {
		start := at.Start + (at.End-at.Start-len(pattern))/2 + syntax.Offset
		at = diag.Span{Start: start, End: start + 1}
	}
	l.fail(at, CodeType, "Invalid regex pattern: %s", err)
	return false
}

// verbatim reports whether the literal is in the query without escapes, so that an offset into the
// pattern corresponds to an offset into the query.
func (l *lowerer) verbatim(n *Literal, pattern string) bool {
	source := l.text.Value[n.Span.Start:n.Span.End]
	return strings.Trim(source, `"`) == strings.Trim(pattern, `"`)
}
