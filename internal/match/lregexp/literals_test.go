package lregexp_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/lregexp"
)

func TestLiterals(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		want    []string
		// values match, and have the literals in them once they are lowered.
		values []string
	}{
		{"abc", []string{"abc"}, []string{"abc"}},
		{`.*\\Power[sS]hell\.EXE`, []string{`\power`, "hell.exe"}, []string{`C:\PowerShell.EXE`}},
		{"a(bc|d)ef", []string{"a", "ef"}, []string{"abcef", "adef"}},
		{"(abc)+x?", []string{"abc"}, []string{"abcabcx"}},
		{"(abc)*d{2}", []string{"d"}, []string{"dd", "abcdd"}},
		{"(abc){0,2}", nil, []string{""}},
		{"abc&.*b.*", []string{"abc", "b"}, []string{"abc"}},
		{"~(abc)", nil, []string{"x"}},
		{"x<1-5>y", []string{"x", "y"}, []string{"x3y"}},
		{`"a*b"@`, []string{"a*b"}, []string{"a*bz"}},
	} {
		re, err := lregexp.Compile(tt.pattern, lregexp.Options{Flags: lregexp.All})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, re.Literals()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.pattern, diff)
		}
		for _, value := range tt.values {
			for _, literal := range re.Literals() {
				if !re.Match(value) || !strings.Contains(strings.ToLower(value), literal) {
					t.Errorf("%s: %q has no %q, or does not match", tt.pattern, value, literal)
				}
			}
		}
	}
}
