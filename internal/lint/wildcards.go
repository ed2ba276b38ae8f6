package lint

import (
	"regexp"
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/match/mapping"
	"tocsin/internal/translate/eql"
	"tocsin/internal/translate/kql"
	"tocsin/internal/translate/lucene"
)

// isText reports whether a field is analysed text in ECS, where a star in quotes is of no account.
func isText(name string) bool {
	f, ok := mapping.ECS().Field(name)
	return ok && f.Type.Family() == mapping.FamilyText
}

// equalityWildcard finds a star in a value that ==, != or in compares as it is.
func equalityWildcard(s *Subject) {
	if s.EQL == nil {
		return
	}
	eachEQL(s.EQL, func(n eql.Node) {
		switch n := n.(type) {
		case *eql.Comparison:
			if n.Op != "==" && n.Op != "!=" {
				return
			}
			for _, side := range [][2]eql.Node{{n.X, n.Y}, {n.Y, n.X}} {
				name, _ := fieldName(side[0])
				if value, span, ok := starred(side[1]); ok && name != "" {
					instead := name + " like~ " + quoted(value)
					if n.Op == "!=" {
						instead = "not " + instead
					}
					s.At(span, "%s compares the whole value: * stands for itself here. For a wildcard write %s, or : for like~", n.Op, instead)
				}
			}
		case *eql.In:
			name, _ := fieldName(n.X)
			for _, v := range n.Values {
				if value, span, ok := starred(v); ok && name != "" {
					s.At(span, "in compares whole values: * stands for itself here. For a wildcard write %s like~ (%s, …), or : for like~", name, quoted(value))
					return
				}
			}
		}
	})
}

// starred returns a text with a star that looks like a wildcard.
func starred(n eql.Node) (string, diag.Span, bool) {
	l, ok := n.(*eql.Literal)
	if !ok {
		return "", diag.Span{}, false
	}
	text, _ := l.Value.(string)
	return text, l.Span, wildcarded(text)
}

// wildcarded reports whether a star in a text looks like a wildcard: the text is more than stars.
func wildcarded(text string) bool {
	return strings.Contains(text, "*") && strings.Trim(text, "*") != ""
}

func quoted(text string) string {
	return eql.Print(&eql.Literal{Value: text})
}

// quotedWildcard finds a star in quotes in KQL and Lucene, where it is an ordinary character.
func quotedWildcard(s *Subject) {
	if s.Lucene != nil {
		eachTest(s.Lucene, func(n *lucene.Test, f *lucene.Field) {
			if n.Kind == lucene.Phrase && wildcarded(n.Text) && f.Name != "" && !isText(f.Name) {
				s.At(n.Span, "* within quotes stands for itself in Lucene. For a wildcard write the value without quotes, with a backslash before blanks and special characters")
			}
		})
	}
	if s.KQL == nil {
		return
	}
	seen := map[string]bool{} // a list of values is one mistake
	eachIs(s.KQL, func(n *kql.Is, field string) {
		if n.Value.Kind == kql.Quoted && wildcarded(n.Value.Text()) && !isText(field) && !seen[field] {
			seen[field] = true
			s.At(n.Value.Span, "* within quotes stands for itself in KQL. For a wildcard write the value without quotes, with a backslash before blanks and \\ : ( ) < > \" { }")
		}
	})
}

// address is a path with the beginning of a query, as in a URL, where a question mark is one.
var address = regexp.MustCompile(`^[^?\\]*/[^?\\]*\?[A-Za-z]`)

// questionMark finds a question mark in a value of KQL, except in an address.
func questionMark(s *Subject) {
	if s.KQL == nil {
		return
	}
	eachIs(s.KQL, func(n *kql.Is, _ string) {
		if n.Value.Kind != kql.Text && n.Value.Kind != kql.Pattern {
			return
		}
		text := strings.Join(n.Value.Parts, "*")
		if strings.Contains(text, "?") && !address.MatchString(text) {
			s.At(n.Value.Span, "? is no wildcard in KQL: it stands for itself. Write * for any characters")
		}
	})
}

// escapes are what a backslash and a letter mean in a value of KQL.
var escapes = map[rune]string{'\r': `\r`, '\t': `\t`, '\n': `\n`}

// escapedCharacter finds a control character that a path with single backslashes has become.
func escapedCharacter(s *Subject) {
	if s.KQL == nil {
		return
	}
	eachIs(s.KQL, func(n *kql.Is, _ string) {
		text := s.Rule.Query.Value[n.Value.Span.Start:n.Value.Span.End]
		for _, r := range strings.Join(n.Value.Parts, "") {
			written, ok := escapes[r]
			if ok && strings.Contains(text, written) {
				s.At(n.Value.Span, `%s is a control character in KQL, not a backslash and a letter: write \%s`, written, written)
				return
			}
		}
	})
}

// costly are fields with long texts, where a leading wildcard has to look at each of many terms.
var costly = []string{"command_line", "script_block_text", "message", "url.original", "url.full", "path", "executable", "body.content", "event.original"}

func isCostly(field string) bool {
	return slices.ContainsFunc(costly, func(c string) bool { return field == c || strings.HasSuffix(field, "."+c) })
}

// leadingWildcard finds patterns that begin with a wildcard, on fields where that is costly.
func leadingWildcard(s *Subject) {
	const advice = "a pattern that begins with a wildcard is compared with every value of %s: begin it with a text, or search a field with shorter values"
	if s.EQL != nil {
		eachEQL(s.EQL, func(n eql.Node) {
			m, ok := n.(*eql.Match)
			if !ok || strings.HasPrefix(m.Op, "regex") {
				return
			}
			name, _ := fieldName(m.X)
			for _, p := range m.Patterns {
				text, _ := p.Value.(string)
				if isCostly(name) && (strings.HasPrefix(text, "*") || strings.HasPrefix(text, "?")) {
					s.At(p.Span, advice, name)
					return
				}
			}
		})
	}
	if s.Lucene != nil {
		eachTest(s.Lucene, func(n *lucene.Test, f *lucene.Field) {
			if n.Kind == lucene.Wildcard && (strings.HasPrefix(n.Text, "*") || strings.HasPrefix(n.Text, "?")) && isCostly(f.Name) {
				s.At(n.Span, advice, f.Name)
			}
		})
	}
	if s.KQL != nil {
		eachIs(s.KQL, func(n *kql.Is, field string) {
			v := n.Value
			if v.Kind == kql.Pattern && v.Parts[0] == "" && strings.Join(v.Parts, "") != "" && isCostly(field) {
				s.At(v.Span, advice, field)
			}
		})
	}
}

// unboundedRegexp finds regular expressions that look for something anywhere, or repeat a repetition without limit.
func unboundedRegexp(s *Subject) {
	const (
		repeats  = "the regular expression repeats a repetition without limit: its cost grows with every character of the value. Give the inner or the outer one a limit, such as {1,10}"
		anywhere = "the regular expression looks for a text anywhere in the value: write %s, which costs less"
		begins   = "the regular expression begins with %s, so that it is tried at every character of every value. Begin it with a text, or test a field with shorter values"
	)
	check := func(at diag.Span, text string, like func(pattern string) string) {
		wild, expressible := wildcards(text)
		start, unlimited := unlimitedStart(text)
		switch {
		case nestedRepeat(text):
			s.At(at, repeats)
		case unlimited && expressible:
			s.At(at, anywhere, like(wild))
		case unlimited:
			s.At(at, begins, start)
		}
	}
	if s.Lucene != nil {
		eachTest(s.Lucene, func(n *lucene.Test, f *lucene.Field) {
			if n.Kind == lucene.Regexp {
				check(n.Span, n.Text, func(p string) string { return f.Name + ":" + p })
			}
		})
	}
	if s.EQL == nil {
		return
	}
	one := func(x eql.Node, fold bool, p eql.Node) {
		l, ok := p.(*eql.Literal)
		if !ok {
			return
		}
		name, _ := fieldName(x)
		text, _ := l.Value.(string)
		op := " like "
		if fold {
			op = " like~ "
		}
		check(l.Span, text, func(p string) string { return name + op + quoted(p) })
	}
	eachEQL(s.EQL, func(n eql.Node) {
		switch n := n.(type) {
		case *eql.Match:
			if strings.HasPrefix(n.Op, "regex") {
				for _, p := range n.Patterns {
					one(n.X, n.Op == "regex~", p)
				}
			}
		case *eql.Call:
			if n.Name == "match" && len(n.Args) > 0 {
				for _, p := range n.Args[1:] {
					one(n.Args[0], n.Fold, p)
				}
			}
		}
	})
}

// unlimitedStart returns the repetition of any characters, without limit, that a regular expression begins with.
func unlimitedStart(pattern string) (string, bool) {
	for _, start := range []string{".*", ".+"} {
		if rest, ok := strings.CutPrefix(pattern, start); ok {
			return start, rest != "" // alone it asks for a value
		}
	}
	return "", false
}

// wildcards returns the pattern with * that says the same as a regular expression, which matches whole values.
func wildcards(pattern string) (string, bool) {
	texts := strings.Split(pattern, ".*")
	for _, t := range texts {
		if t != "" && !plain(t) {
			return "", false
		}
	}
	out := strings.Join(texts, "*")
	return out, strings.Trim(out, "*") != ""
}

// plain reports whether a regular expression is a text.
func plain(pattern string) bool {
	return pattern != "" && !strings.ContainsAny(pattern, `.?+*|{}[]()"\#@&<>~`)
}

// nestedRepeat reports whether a group that ends with an unlimited repetition, or is one, is repeated without limit.
func nestedRepeat(pattern string) bool {
	type group struct{ unlimited bool }
	groups := []group{{}}
	unlimitedAt := func(i int) bool { return i < len(pattern) && (pattern[i] == '*' || pattern[i] == '+') }
	inClass := false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
		case inClass:
			inClass = c != ']'
		case c == '[':
			inClass = true
		case c == '(':
			groups = append(groups, group{})
		case c == ')' && len(groups) > 1:
			closed := groups[len(groups)-1]
			groups = groups[:len(groups)-1]
			if closed.unlimited && unlimitedAt(i+1) {
				return true
			}
		case c == '*' || c == '+':
			last := &groups[len(groups)-1]
			next := i + 1
			// What follows in its group tells where a repetition ends.
			last.unlimited = last.unlimited || next >= len(pattern) || pattern[next] == ')' || pattern[next] == '|'
		}
	}
	return false
}
