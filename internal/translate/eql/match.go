package eql

import (
	"errors"
	"strings"

	"tocsin/internal/condition"
	"tocsin/internal/diag"
	"tocsin/internal/lregexp"
)

// match lowers field : patterns, like and regex.
func (l *lowerer) match(n *Match) condition.Expr {
	field, ok := n.X.(*Field)
	if !ok {
		return l.fail(n.X.Pos(), CodeUnsupported, "[%s] on anything but a field is not supported yet", n.Op)
	}
	f, state := l.resolve(field)
	patterns, ok := l.patterns(n)
	switch {
	case state == constantNull:
		return nil
	case state == failed || !ok:
		return condition.Const(false)
	}
	fold := n.Op == ":" || strings.HasSuffix(n.Op, "~")
	var e condition.Expr
	if strings.HasPrefix(n.Op, "regex") {
		e = l.regex(n, f.Name, patterns, fold)
	} else {
		var members condition.Or
		for _, p := range patterns {
			members = append(members, like(f.Name, p, fold))
		}
		e = members
	}
	return l.strings(f, field.Span, n.Op, e)
}

// patterns returns the pattern texts; only strings make sense.
func (l *lowerer) patterns(n *Match) ([]string, bool) {
	var out []string
	for _, p := range n.Patterns {
		s, ok := p.Value.(string)
		if !ok {
			l.fail(p.Span, CodeType, "2nd argument of [%s] must be [string], found value [%s] type [%s]", n.Op, Print(p), strings.ToLower(typeName(p.Value)))
			return nil, false
		}
		out = append(out, s)
	}
	return out, true
}

// like has * and ? for wildcards and no way to escape them; a backslash is a character.
func like(field, pattern string, fold bool) condition.Expr {
	if !strings.ContainsAny(pattern, "*?") {
		return condition.Term{Field: field, Value: pattern, Fold: fold}
	}
	return condition.Wildcard{Field: field, Pattern: strings.ReplaceAll(pattern, `\`, `\\`), Fold: fold}
}

// regex joins several patterns into one alternation, as Elasticsearch does, unless that would pass
// its limit on a pattern's length. A pattern that says one string becomes a term.
func (l *lowerer) regex(n *Match, field string, patterns []string, fold bool) condition.Expr {
	for i, p := range patterns {
		if err := l.checkRegex(n.Patterns[i], p, fold); err != nil {
			return err
		}
	}
	joined := strings.Join(patterns, "|")
	if len(joined) > maxRegexLength {
		var members condition.Or
		for _, p := range patterns {
			members = append(members, condition.Regexp{Field: field, Pattern: p, Fold: fold})
		}
		return members
	}
	re, err := lregexp.Compile(joined, lregexp.Options{Flags: lregexp.All, CaseInsensitive: fold})
	if err == nil {
		if text, ok := re.Literal(); ok {
			return condition.Term{Field: field, Value: text, Fold: fold}
		}
	}
	return condition.Regexp{Field: field, Pattern: joined, Fold: fold}
}

// maxRegexLength is Elasticsearch's default for index.max_regex_length.
const maxRegexLength = 1000

func (l *lowerer) checkRegex(n *Literal, pattern string, fold bool) condition.Expr {
	if len(pattern) > maxRegexLength {
		return l.fail(n.Span, CodeType, "the regular expression has %d characters; Elasticsearch allows %d", len(pattern), maxRegexLength)
	}
	_, err := lregexp.Compile(pattern, lregexp.Options{Flags: lregexp.All, CaseInsensitive: fold})
	if err == nil {
		return nil
	}
	at := n.Span
	var syntax *lregexp.SyntaxError
	if errors.As(err, &syntax) && l.verbatim(n, pattern) {
		start := at.Start + (at.End-at.Start-len(pattern))/2 + syntax.Offset
		at = diag.Span{Start: start, End: start + 1}
	}
	return l.fail(at, CodeType, "Invalid regex pattern: %s", err)
}

// verbatim reports whether the literal stands in the query without escapes, so that an offset
// into the pattern is one into the query.
func (l *lowerer) verbatim(n *Literal, pattern string) bool {
	source := l.text.Value[n.Span.Start:n.Span.End]
	return strings.Trim(source, `"`) == strings.Trim(pattern, `"`)
}
