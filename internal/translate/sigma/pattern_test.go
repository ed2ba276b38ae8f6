package sigma_test

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/lregexp"
	"tocsin/internal/translate/sigma"
)

// TestPatterns: a backslash takes the next character only if that is a wildcard or a backslash.
func TestPatterns(t *testing.T) {
	for written, want := range map[string]string{
		`a\b`: `a\\b`, `a\\b`: `a\\b`, `\*`: `\*`, `\?`: `\?`, `a\\*`: `a\\*`, `a\\\*`: `a\\\*`, `\\\b`: `\\\\b`, `\\\\srv`: `\\\\srv`,
		`a\`: `a\\`, `a**b`: `a*b`, `?*?`: `?*?`, ``: ``,
	} {
		if got := sigma.PatternText(written); got != want {
			t.Errorf("%s: %s, want %s", written, got, want)
		}
	}
}

// texts draws what values may hold: letters of two cases, dashes, line breaks and letters beyond ASCII.
var texts = rapid.StringOfN(rapid.RuneFrom([]rune("abAB \n-/–—―_*?\\.äÄßσΣς1")), 0, 12, -1)

// TestPatternForms: a pattern means the same as a wildcard, as a regular expression, and in memory.
func TestPatternForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		written := rapid.StringOfN(rapid.RuneFrom([]rune(`abAB -/*?\.1`)), 1, 6, -1).Draw(t, "pattern")
		s := texts.Draw(t, "text")
		want := condition.WildcardTest(sigma.PatternText(written), true)(s)
		re, err := lregexp.Compile(sigma.PatternLucene(written, true), lregexp.Options{Flags: lregexp.All, CaseInsensitive: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := re.Match(s); got != want {
			t.Errorf("%q of %q: %t as a regular expression, %t as a wildcard", written, s, got, want)
		}
		if got := sigma.Matches(written, false, s); got != want {
			t.Errorf("%q of %q: %t in memory, %t as a wildcard", written, s, got, want)
		}
	})
}

// TestWindash holds dashes against the expansion that the format describes.
func TestWindash(t *testing.T) {
	dash := regexp.MustCompile(`\B[-/]\b`)
	rapid.Check(t, func(t *rapid.T) {
		written := rapid.StringOfN(rapid.RuneFrom([]rune(`ab -/`)), 1, 6, -1).Draw(t, "pattern")
		s := rapid.StringOfN(rapid.RuneFrom([]rune("abAB -/–—―")), 0, 8, -1).Draw(t, "text")
		places := dash.FindAllStringIndex(written, -1)
		variants := []string{written}
		for _, at := range slices.Backward(places) {
			var next []string
			for _, v := range variants {
				for _, d := range []string{"-", "/", "–", "—", "―"} {
					next = append(next, v[:at[0]]+d+v[at[1]:])
				}
			}
			variants = next
		}
		want := false
		for _, v := range variants {
			want = want || strings.EqualFold(v, s)
		}
		if got := sigma.Matches(written, true, s); got != want {
			t.Errorf("%q of %q: %t, want %t", written, s, got, want)
		}
	})
}

// TestPatternWords requires patterns that are written alike to match the same texts: rules share their tests by it.
func TestPatternWords(t *testing.T) {
	type read struct {
		written string
		windash bool
	}
	byWords := map[string][]read{}
	rapid.Check(t, func(t *rapid.T) {
		r := read{strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", " ", "-", "/", `\`, "*", "?", "[", "]", "[-/–—―]", `\-`, "–"}), 1, 4).Draw(t, "pieces"), ""), rapid.Bool().Draw(t, "windash")}
		words := sigma.PatternWords(r.written, r.windash)
		byWords[words] = append(byWords[words], r)
		s := rapid.StringOfN(rapid.RuneFrom([]rune(`a -/–—―\[]*?`)), 0, 5, -1).Draw(t, "text")
		want := sigma.Matches(r.written, r.windash, s)
		for _, other := range byWords[words] {
			if got := sigma.Matches(other.written, other.windash, s); got != want {
				t.Fatalf("%v and %v are both %s, and %q is found by one", r, other, words, s)
			}
		}
	})
}

// TestRegularExpressions: what is written for Elasticsearch holds of the same texts.
func TestRegularExpressions(t *testing.T) {
	pieces := []string{
		`a`, `b`, `.`, `\.`, `[ab]`, `[^a]`, `\d`, `\w`, `\W`, `\s`, `a*`, `b+`, `a?`, `(a|b)`, `(?:a|b){1,2}`, `^`, `$`, `|`, `ä`, `(?i:a)`, `[a-c]`, `\n`, `-`,
		`"`, `#`, `~`, `@`, `&`, `<1-2>`, `\\`, `(?s:.)`, `\b`, `[^\n]`, `(^a|b$)`, `()`,
	}
	var written, all int
	rapid.Check(t, func(t *rapid.T) {
		source := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 5).Draw(t, "pieces"), "")
		re, err := regexp.Compile(source)
		if err != nil {
			t.Skip()
		}
		all++
		pattern, ok := sigma.LuceneOf(source)
		if !ok {
			return
		}
		written++
		other, err := lregexp.Compile(pattern, lregexp.Options{Flags: lregexp.All})
		if err != nil {
			t.Fatalf("%s: %s: %v", source, pattern, err)
		}
		for range 8 {
			s := rapid.StringOfN(rapid.RuneFrom([]rune("abAc \n-äÄ_1\".#~@&<>\\")), 0, 6, -1).Draw(t, "text")
			if got, want := other.Match(s), re.MatchString(s); got != want {
				t.Fatalf("%s as %s of %q: %t, want %t", source, pattern, s, got, want)
			}
		}
	})
	if written*2 < all {
		t.Errorf("%d of %d could be written", written, all)
	}
}

// TestBase64Offsets: wherever a text stands in a longer one, one of the three stands in what that becomes.
func TestBase64Offsets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringN(1, 10, -1).Draw(t, "text")
		before, behind := rapid.StringN(0, 5, -1).Draw(t, "before"), rapid.StringN(0, 5, -1).Draw(t, "behind")
		encoded := base64.StdEncoding.EncodeToString([]byte(before + s + behind))
		list := sigma.Base64Offsets(s)
		if len(s) > 3 && len(list) != 3 {
			t.Fatalf("%q: %v", s, list)
		}
		for _, x := range list {
			if strings.Contains(encoded, x) {
				return
			}
		}
		if len(list) == 3 {
			t.Errorf("%q in %q: none of %v", s, encoded, list)
		}
	})
}
