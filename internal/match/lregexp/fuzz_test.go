package lregexp_test

import (
	"testing"
	"time"

	"tocsin/internal/match/lregexp"
)

// FuzzCompileMatch looks for panics, slow patterns and an inconsistent [lregexp.Regexp.Literal].
func FuzzCompileMatch(f *testing.F) {
	for _, r := range table {
		for _, v := range append(append(list{}, r.yes...), r.no...) {
			f.Add(r.pattern, v, uint8(r.flags), r.fold)
		}
	}
	for _, e := range syntaxErrors {
		f.Add(e.in, e.in, uint8(e.flags), false)
	}
	f.Add("~(.*a.{20})", "aaa", uint8(lregexp.All), false)
	f.Add("((a?){90}){90}", "aaaaaaaaaaaaaaaaaaaaaaaaaa", uint8(lregexp.All), false)
	f.Fuzz(func(t *testing.T, pattern, value string, flags uint8, fold bool) {
		if len(pattern) > 1000 { // index.max_regex_length
			return
		}
		opts := lregexp.Options{Flags: lregexp.Flags(flags), CaseInsensitive: fold}
		best := time.Hour // of three, for a busy machine is no slow pattern
		for range 3 {
			start := time.Now()
			use(t, pattern, value, opts)
			if best = min(best, time.Since(start)); best < time.Second {
				return
			}
		}
		t.Errorf("%q on %q took %v", pattern, value, best)
	})
}

func use(t *testing.T, pattern, value string, opts lregexp.Options) {
	t.Helper()
	re, err := lregexp.Compile(pattern, opts)
	if err != nil {
		return
	}
	got := re.Match(value)
	if again := string([]rune(value)); re.Match(again) != got {
		t.Errorf("%q: bad bytes are not U+FFFD in %q", pattern, value)
	}
	wantLiterals(t, re, value)
	if literal, ok := re.Literal(); ok && !re.Match(literal) {
		t.Errorf("%q does not match its literal %q", pattern, literal)
	}
}
