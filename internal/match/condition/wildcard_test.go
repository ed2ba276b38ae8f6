package condition_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"tocsin/internal/match/condition"
)

// TestWildcardAgreesWithItsMeaning: every implementation of a pattern agrees with the definition of
// [condition.Wildcard], character by character.
func TestWildcardAgreesWithItsMeaning(t *testing.T) {
	matched := 0
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SampledFrom([]string{"a", "b", "ab", "A", "é", "\\*", "\\?", "\\\\", "\\", "*", "*", "?", "\xff", "�"})
		pattern := strings.Join(rapid.SliceOfN(pieces, 0, 6).Draw(t, "pattern"), "")
		runs := rapid.SampledFrom([]string{"a", "b", "ab", "B", "é", "*", "?", "\\", "\xff", "�"})
		text := strings.Join(rapid.SliceOfN(runs, 0, 6).Draw(t, "text"), "")
		fold := rapid.Bool().Draw(t, "fold")
		want := means(pattern, text, fold)
		if utf8.ValidString(text) { // Invalid UTF-8 reads as one character or as three bytes, depending on the implementation.
			if got := condition.WildcardTest(pattern, fold)(text); got != want {
				t.Fatalf("%q matches %q: %t, want %t", pattern, text, got, want)
			}
		}
		if want {
			matched++
		}
	})
	if matched == 0 {
		t.Error("nothing matched")
	}
}

// means tries every way to match a pattern.
func means(pattern, text string, fold bool) bool {
	return takes([]rune(pattern), []rune(text), fold)
}

func takes(pattern, text []rune, fold bool) bool {
	lower := func(r rune) rune {
		if fold && 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}
	if len(pattern) == 0 {
		return len(text) == 0
	}
	switch c, rest := pattern[0], pattern[1:]; {
	case c == '*':
		return takes(rest, text, fold) || len(text) > 0 && takes(pattern, text[1:], fold)
	case len(text) == 0:
		return false
	case c == '?':
		return takes(rest, text[1:], fold)
	case c == '\\' && len(rest) > 0:
		return lower(rest[0]) == lower(text[0]) && takes(rest[1:], text[1:], fold)
	default:
		return lower(c) == lower(text[0]) && takes(rest, text[1:], fold)
	}
}
