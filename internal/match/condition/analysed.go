package condition

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/match/analysis"
	"tocsin/internal/match/mapping"
)

// compileAnalysed makes the test of a text with the terms of the standard analyser. Each value is tested by itself: terms of
// two values are too far apart for a phrase.
func compileAnalysed(e Expr) (valueTest, error) {
	switch e := e.(type) {
	case Match:
		if e.Value == nil {
			return valueTest{}, fmt.Errorf("null cannot be searched for: %w", ErrLiteral)
		}
		wanted := analysis.Standard(literalText(e.Value))
		switch {
		case len(wanted) == 0:
			return valueTest{}, nil // no term is no match
		case e.Phrase:
			return termTest(func(terms []string) bool { return hasPhrase(terms, wanted) }), nil
		}
		return termTest(func(terms []string) bool {
			return slices.ContainsFunc(terms, func(t string) bool { return slices.Contains(wanted, t) })
		}), nil
	case QueryString:
		if strings.ContainsFunc(e.Pattern, isQueryBlank) {
			return valueTest{}, fmt.Errorf("%q is several patterns: %w", e.Pattern, ErrSearchOnly)
		}
		pattern := matchPattern(analysis.Lower(e.Pattern), false)
		return termTest(func(terms []string) bool { return slices.ContainsFunc(terms, pattern.holds) }), nil
	}
	return valueTest{}, ErrAnalysed
}

func termTest(holds func(terms []string) bool) valueTest {
	return valueTest{accept: func(v mapping.Value) bool { return holds(analysis.Standard(v.String)) }}
}

// hasPhrase reports whether the terms of a phrase follow each other.
func hasPhrase(terms, phrase []string) bool {
	for i := range len(terms) - len(phrase) + 1 {
		if slices.Equal(terms[i:i+len(phrase)], phrase) {
			return true
		}
	}
	return false
}
