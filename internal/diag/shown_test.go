package diag_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"tocsin/internal/diag"
)

func TestShown(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "",
		"plain é 名":           "plain é 名",
		"cod.\u202etxt.exe":   `cod.\u202etxt.exe`,
		"\u2066a\u2069\u061c": `\u2066a\u2069\u061c`,
		"a\u200eb\u200fc":     `a\u200eb\u200fc`,
		"a\nb\x1b[31m\x9b":    "a\uFFFDb\uFFFD[31m\uFFFD",
		"a\u0085b\u2028c":     "a\uFFFDb\\u2028c",
	} {
		if got := diag.Shown(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestShownDrivesNothing: whatever the text, the shown form is on one line and does not change the
// writing direction.
func TestShownDrivesNothing(t *testing.T) {
	drives := func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u2028\x1b\n\t\r")))).Draw(t, "text")
		got := diag.Shown(text)
		if strings.ContainsFunc(got, drives) || !utf8.ValidString(got) {
			t.Errorf("%q is shown as %q", text, got)
		}
		if !strings.ContainsFunc(text, drives) && got != text {
			t.Errorf("%q is shown as %q", text, got)
		}
		var b strings.Builder
		if err := diag.Render(&b, diag.List{{Message: text, File: text, Line: 1, Column: utf8.RuneCountInString(text) + 1, Width: 1, Excerpt: text + "x"}}); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if len(lines) != 3 || strings.ContainsFunc(strings.NewReplacer("\n", "", "\t", "").Replace(b.String()), drives) {
			t.Fatalf("%q is rendered as %q", text, b.String())
		}
		// The caret stands below the x.
		if n := utf8.RuneCountInString(lines[1]); len([]rune(text)) < 100 && utf8.RuneCountInString(lines[2]) != n {
			t.Errorf("%q: the caret is elsewhere:\n%s", text, b.String())
		}
	})
}
