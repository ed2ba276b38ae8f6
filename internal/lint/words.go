package lint

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
	"tocsin/internal/translate/eql"
	"tocsin/internal/translate/kql"
	"tocsin/internal/translate/lucene"
)

// symbolOperator finds && and || in values of KQL, where they are ordinary characters.
func symbolOperator(s *Subject) {
	if s.KQL == nil {
		return
	}
	eachIs(s.KQL, func(n *kql.Is, _ string) {
		if n.Value.Kind == kql.Quoted {
			return
		}
		text := strings.Join(n.Value.Parts, "*")
		for symbol, word := range map[string]string{"&&": "and", "||": "or"} {
			if strings.Contains(" "+text+" ", " "+symbol+" ") {
				s.At(n.Value.Span, "%s is no operator in KQL: it is a part of the value here. Write %s, or put the value in quotes", symbol, word)
				return
			}
		}
	})
}

// lowerCaseOperator finds and, or and not in small letters in Lucene, where they are words to be searched for.
func lowerCaseOperator(s *Subject) {
	if s.Lucene == nil {
		return
	}
	eachTest(s.Lucene, func(n *lucene.Test, _ *lucene.Field) {
		if n.Kind != lucene.Word {
			return
		}
		for word := range strings.FieldsSeq(n.Text) {
			if word == "and" || word == "or" || word == "not" {
				s.At(n.Span, "%s is a word to be searched for in Lucene: write %s for the operator, or quotes for the word", word, strings.ToUpper(word))
				return
			}
		}
	})
}

// joinedWords finds two values of KQL with a line break between them, which are one value: an operator is missing.
func joinedWords(s *Subject) {
	if s.KQL == nil {
		return
	}
	eachIs(s.KQL, func(n *kql.Is, _ string) {
		written := s.Rule.Query.Value[n.Value.Span.Start:n.Value.Span.End]
		if n.Value.Kind != kql.Quoted && strings.Contains(written, "\n") {
			s.At(n.Value.Span, "the value goes over a line break: its lines are one value. Write or between the values, or put the value in quotes")
		}
	})
}

// booleanText finds a comparison with true or false of a field that holds texts.
func booleanText(s *Subject) {
	if s.EQL == nil {
		return
	}
	eachEQL(s.EQL, func(n eql.Node) {
		c, ok := n.(*eql.Comparison)
		if !ok {
			return
		}
		for _, side := range [][2]eql.Node{{c.X, c.Y}, {c.Y, c.X}} {
			name, _ := fieldName(side[0])
			literal, isLiteral := side[1].(*eql.Literal)
			if !isLiteral || name == "" {
				continue
			}
			f, known := mapping.ECS().Field(name)
			if value, isBool := literal.Value.(bool); isBool && known && f.Type.Family() == mapping.FamilyString {
				s.At(literal.Span, "%s is of type %s: it is never the boolean %t. Write the text, %q", name, f.Type, value, strconv.FormatBool(value))
			}
		}
	})
}

// filterBackslash finds a pattern in a filter with a backslash that makes the next character an ordinary one, as in a path.
func filterBackslash(s *Subject) {
	for i, f := range s.Rule.Filters {
		key := fmt.Sprintf("rule.filters[%d]", i)
		eachPattern(f, func(pattern string) {
			if letter, ok := lostBackslash(pattern); ok {
				s.AtKey(key, `in a wildcard pattern \%[1]c is %[1]c alone: write \\ for a backslash`, letter)
			}
		})
	}
}

// lostBackslash returns the first character after a backslash that needs none.
func lostBackslash(pattern string) (rune, bool) {
	escaped := false
	for _, r := range pattern {
		switch {
		case escaped && r != '\\' && r != '*' && r != '?':
			return r, true
		case escaped:
			escaped = false
		default:
			escaped = r == '\\'
		}
	}
	return 0, false
}

// eachPattern visits the patterns of the wildcard clauses in Query DSL.
func eachPattern(v any, visit func(string)) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			eachPattern(x, visit)
		}
	case map[string]any:
		for key, x := range v {
			fields, isClause := x.(map[string]any)
			if key != "wildcard" || !isClause {
				eachPattern(x, visit)
				continue
			}
			for _, clause := range fields {
				switch clause := clause.(type) {
				case string:
					visit(clause)
				case map[string]any:
					for _, name := range []string{"value", "wildcard"} {
						if text, ok := clause[name].(string); ok {
							visit(text)
						}
					}
				}
			}
		}
	}
}

// shortLookBack finds a sequence whose span is longer than the time that a run reads.
func shortLookBack(s *Subject) {
	if s.EQL == nil || s.EQL.Sequence == nil || s.EQL.Sequence.MaxSpan == nil {
		return
	}
	m := s.EQL.Sequence.MaxSpan
	w := s.Rule.Window(reference)
	span, back := m.Duration(), w.To.Sub(w.From)
	if span > back {
		s.At(m.Span, "a sequence may take %s, and a run looks back %s: longer sequences are found only as runs read further back by maxspan, which Kibana does not. Begin from at now-%s or earlier", span, back, span)
	}
}

// reference is the slot at which windows are measured.
var reference = time.Date(2026, time.January, 15, 12, 0, 0, 0, time.UTC)

// noTest finds a rule without a test.
func noTest(s *Subject) {
	if !s.Tested && s.Rule.Type != rule.TypeMachineLearning {
		s.AtKey("rule.name", "the rule has no test: put one beside it, in a file of the same name that ends with .test.toml")
	}
}
