package pcre_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/pcre"
)

func TestMatch(t *testing.T) {
	insecure := `(?i)(?<!\w)-(?:[a-z]*k[a-z]*|-(insecure|proxy-insecure|doh-insecure))`
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{`b+`, "abbc", true},
		{`^b`, "abbc", false},
		{`a.c`, "a\nc", false},
		{`c$`, "abc\n", true},
		{`c$`, "abc\n\n", false},
		{`(?m)b$`, "ab\nc", true},
		{`(?<!x)c$`, "abc\n", true},
		{`[$]`, "a$", true},
		{`\w`, "é", false},
		{`(a)\1`, "baab", true},
		{`(?=ab)a`, "ab", true},
		{`(?P<x>a)(?<y>b)`, "ab", true},
		{`\_`, "a_b", true},
		{`a++b`, "aab", true},
		{`^(?<n>a)(?!z)(b)\1\k<n>(?P=n)\2$`, "abaaab", true},
		{`^(?<n>a)(?!z)(b)\1$`, "abb", false},
		{`^(?'n'a)(?!z)[(](b)\(\2$`, "a(b(b", true},
		{`^a++ab`, "aaab", false},
		{`^(?<x>[^\]+)]*+c|d{1,2}+d)$`, "abc", false},
		{`^(?<x>[^\]+)]*+c|d{1,2}+d)$`, "ddd", true},
		{`^(?<x>[^\]+)]*+c|d{1,2}+d)$`, "dd", false},
		{`^(ab?+)+?b$`, "ababb", true},
		{`\x{202E}`, "a\u202eb", true},
		{insecure, "curl -k x", true},
		{insecure, "-fsSLk", true},
		{insecure, "--PROXY-insecure", true},
		{insecure, "--key k.pem", true},
		{insecure, "https://a/x-k", false},
		{insecure, "--max-time 5 --silent -s", false},
		{insecure, "-4k", false},
	} {
		re, err := pcre.Compile(tt.pattern)
		if err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
			continue
		}
		if got, err := re.Match(tt.text); err != nil || got != tt.want {
			t.Errorf("%s on %q: %t, %v", tt.pattern, tt.text, got, err)
		}
	}
	if _, err := pcre.Compile("(a"); err == nil {
		t.Error("an open group compiles")
	}
}

// TestTimeout wants a match that would take for ever to fail, and not to say no.
func TestTimeout(t *testing.T) {
	re, err := pcre.Compile(`^(?=(a+)+$)a+b`)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	_, err = re.Match(strings.Repeat("a", 40) + "!")
	if !errors.Is(err, pcre.ErrTimeout) {
		t.Errorf("%v after %s", err, time.Since(start))
	}
	if took := time.Since(start); took > 2*pcre.Timeout {
		t.Errorf("took %s", took)
	}
}

func TestFind(t *testing.T) {
	for _, pattern := range []string{`(?<l>é?[a-z])(?<d>\d)?`, `(?<l>é?[a-z])(?<d>\d)?(?!z)`} {
		re, err := pcre.Compile(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"", "l", "d"}, re.Names()); diff != "" {
			t.Errorf("%s: names (-want +got):\n%s", pattern, diff)
		}
		got, err := re.Find("éa1 b", 0)
		if err != nil {
			t.Fatal(err)
		}
		want := [][]pcre.Group{
			{{Text: "éa1", Start: 0, End: 4}, {Text: "éa", Start: 0, End: 3}, {Text: "1", Start: 3, End: 4}},
			{{Text: "b", Start: 5, End: 6}, {Text: "b", Start: 5, End: 6}, {Start: -1, End: -1}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", pattern, diff)
		}
		if got, err := re.Find("a b c", 2); err != nil || len(got) != 2 {
			t.Errorf("%s: %d matches, %v", pattern, len(got), err)
		}
	}
}

func TestReplace(t *testing.T) {
	for _, tt := range []struct {
		pattern, text, with string
		n                   int
		amp                 bool
		want                string
	}{
		{`(\w)x`, "axbx", `<\1>`, 0, false, "<a><b>"},
		{`(\w)x`, "axbx", `<\0&>`, 1, true, "<axax>bx"},
		{`x`, "axb", `&\n\\`, 0, false, "a&\n\\b"},
		{`x`, "axb", `\&`, 0, true, "a&b"},
		{`q`, "axb", `z`, 0, false, "axb"},
		{`(?<!a)x`, "axbx", `-`, 0, false, "axb-"},
	} {
		re, err := pcre.Compile(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := re.Replace(tt.text, tt.with, tt.n, tt.amp); err != nil || got != tt.want {
			t.Errorf("%s in %q by %q: %q, %v", tt.pattern, tt.text, tt.with, got, err)
		}
	}
}
