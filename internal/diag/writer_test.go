package diag_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/diag"
)

var shownTexts = rapid.Custom(func(t *rapid.T) string {
	return string(rapid.SliceOf(rapid.OneOf(
		rapid.Rune(), rapid.RuneFrom([]rune("\x1b\x00\x07\r\n\t\x7f\u0085\u009b\u061c\u200e\u200f\u202a\u202e\u2066\u2069\u2028\u2029ab \"\\é")),
	)).Draw(t, "text"))
})

// written writes a text in parts.
func written(t *rapid.T, text []byte) string {
	var out bytes.Buffer
	w := diag.ShownWriter(&out)
	for len(text) > 0 {
		n := rapid.IntRange(0, len(text)).Draw(t, "part")
		if m, err := w.Write(text[:n]); m != n || err != nil {
			t.Fatalf("%d of %d bytes, %v", m, n, err)
		}
		text = text[n:]
	}
	return out.String()
}

// TestShownWriter: whatever is written, in any parts, the output does not control a terminal, other
// characters are unchanged, and JSON keeps its meaning.
func TestShownWriter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := shownTexts.Draw(t, "texts")
		got := written(t, []byte(text))
		drives := func(r rune) bool {
			return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
		}
		if strings.ContainsFunc(got, drives) {
			t.Fatalf("%q becomes %q", text, got)
		}
		if !strings.ContainsFunc(text, drives) && got != text {
			t.Fatalf("%q becomes %q", text, got)
		}
		want := map[string]string{text: text}
		data, err := json.MarshalIndent(want, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		var back map[string]string
		if err := json.Unmarshal([]byte(written(t, data)), &back); err != nil || cmp.Diff(want, back) != "" {
			t.Fatalf("%s means %v, %v", data, back, err)
		}
	})
}
