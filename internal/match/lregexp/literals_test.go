package lregexp_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/lregexp"
)

func TestLiterals(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		want    [][]string
		// values match, and have the literals in them once they are lowered.
		values []string
	}{
		{"abc", [][]string{{"abc"}}, []string{"abc"}},
		{`.*\\Power[sS]hell\.EXE`, [][]string{{`\powershell.exe`}}, []string{`C:\PowerShell.EXE`}},
		{"a(bc|d)ef", [][]string{{"abcef", "adef"}}, []string{"abcef", "adef"}},
		{"(abc)+x?", [][]string{{"abc"}}, []string{"abcabcx"}},
		{"(abc)*d{2}", [][]string{{"d"}}, []string{"dd", "abcdd"}},
		{"(abc){0,2}", nil, []string{""}},
		{"abc&.*b.*", [][]string{{"abc"}, {"b"}}, []string{"abc"}},
		{"~(abc)", nil, []string{"x"}},
		{"x<1-5>y", [][]string{{"1", "2", "3", "4", "5"}, {"x"}, {"y"}}, []string{"x3y"}},
		{".*[Тт]x.*", [][]string{{"Тx", "тx"}}, []string{"aТxb", "тx"}},
		{"(one|two.*three)[0-9]", [][]string{{"one", "three"}, {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}}, []string{"one1", "two-three2"}},
		{".*[^a].*", nil, []string{"b"}},
		{"(a|.*)b", [][]string{{"b"}}, []string{"xb"}},
		{"colou?r", [][]string{{"colour", "color"}}, []string{"color", "Colour"}[:1]},
		{`"a*b"@`, [][]string{{"a*b"}}, []string{"a*bz"}},
	} {
		re, err := lregexp.Compile(tt.pattern, lregexp.Options{Flags: lregexp.All})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, re.Literals()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.pattern, diff)
		}
		for _, value := range tt.values {
			for _, list := range re.Literals() {
				if !re.Match(value) || !containsAny(value, list) {
					t.Errorf("%s: %q has none of %q, or does not match", tt.pattern, value, list)
				}
			}
		}
	}
}

// wantLiterals checks that a value with none of the texts of a list does not match. Bytes that are no character are read as
// U+FFFD, of which the list may have others.
func wantLiterals(t interface{ Errorf(string, ...any) }, re *lregexp.Regexp, value string) {
	if !utf8.ValidString(value) || !re.Match(value) {
		return
	}
	for _, list := range re.Literals() {
		if !containsAny(value, list) {
			t.Errorf("%s matches %q, which has none of %q", re, value, list)
		}
	}
}

func containsAny(value string, texts []string) bool {
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(lowered(value), text) })
}

// lowered lowers the ASCII letters.
func lowered(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
