package analysis_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/match/analysis"
)

// TestStandard has terms as Elasticsearch's _analyze shows them. The integration tests compare more of them with it.
func TestStandard(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "",
		" \t-!":                  "",
		"Kube-System":            "kube|system",
		"foo_bar __a _":          "foo_bar|__a",
		"host.example.com":       "host.example.com",
		"10.0.0.1:80":            "10.0.0.1|80",
		`C:\Windows\a.exe`:       "c|windows|a.exe",
		"it's 1,5 3,a x@y.z":     "it's|1,5|3|a|x|y.z",
		"日本 ひら カタカナ 한글":          "日|本|ひ|ら|カタカナ|한글",
		"สวัสดีa1":               "สวัสดี|a1",
		"a😀 🇩🇪 ½ ⅷ":              "a|😀|🇩🇪|ⅷ",
		"ÉCOLE \u212a":           "école|k",
		strings.Repeat("Z", 300): strings.Repeat("z", 255) + "|" + strings.Repeat("z", 45),
	} {
		if diff := cmp.Diff(want, strings.Join(analysis.Standard(text), "|")); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

// TestStandardOfAnyText: terms stand in the text in their order, have a letter, digit or picture, and are those of the same text in
// other letters. Texts apart have the terms of each.
func TestStandardOfAnyText(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, b := rapid.String().Draw(rt, "a"), rapid.String().Draw(rt, "b")
		terms := analysis.Standard(a)
		rest := analysis.Lower(a)
		for _, term := range terms {
			at := strings.Index(rest, term)
			if at < 0 || strings.ContainsFunc(term, unicode.IsUpper) && term != analysis.Lower(term) {
				rt.Fatalf("%q is not in what is left of %q", term, a)
			}
			rest = rest[at+len(term):]
		}
		if diff := cmp.Diff(append(terms, analysis.Standard(b)...), analysis.Standard(a+"\n"+b)); diff != "" {
			rt.Fatalf("-each +together:\n%s", diff)
		}
	})
}
