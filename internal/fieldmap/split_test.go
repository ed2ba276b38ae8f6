package fieldmap_test

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"tocsin/internal/fieldmap"
)

// TestSplit holds the ways of a pattern over the parts of a place against the pattern over the text of the place.
func TestSplit(t *testing.T) {
	letter := rapid.SampledFrom([]fieldmap.Glyph{'a', 'B', '\\', '=', 'k', 'K', 'ä', fieldmap.One, fieldmap.Many, fieldmap.Many})
	part := rapid.OneOf(
		rapid.Custom(func(t *rapid.T) fieldmap.Part {
			return fieldmap.Part{Field: rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "field")}
		}),
		rapid.Custom(func(t *rapid.T) fieldmap.Part {
			return fieldmap.Part{Text: rapid.SampledFrom([]string{"=", `\`, "=K=", `\a\`, `=b\`}).Draw(t, "text")}
		}),
	)
	value := rapid.StringOfN(rapid.RuneFrom([]rune("aAbkÄ")), 0, 4, -1)
	rapid.Check(t, func(t *rapid.T) {
		place := fieldmap.Place{Parts: rapid.SliceOfN(part, 1, 4).Draw(t, "parts")}
		fields := map[string]string{}
		for _, f := range []string{"x", "y", "z"} {
			fields[f] = value.Draw(t, f)
		}
		text := place.Texts(func(f string) []string { return []string{fields[f]} })[0]
		pattern := rapid.SliceOfN(letter, 0, 6).Draw(t, "pattern")
		if rapid.Bool().Draw(t, "likely") { // what the text is like
			pattern = nil
			for _, r := range text {
				switch rapid.IntRange(0, 5).Draw(t, "how") {
				case 0:
					pattern = append(pattern, fieldmap.Many)
				case 1:
					pattern = append(pattern, fieldmap.One)
				case 2:
					pattern = append(pattern, fieldmap.Glyph(unicode.ToUpper(r)))
				default:
					pattern = append(pattern, fieldmap.Glyph(r))
				}
			}
		}
		want := matches(pattern, text)
		got := false
		for _, way := range place.Split(pattern) {
			all, i := true, 0
			for _, p := range place.Parts {
				if p.Field != "" {
					all = all && matches(way[i], fields[p.Field])
					i++
				}
			}
			if i != len(way) {
				t.Fatalf("a way has %d patterns for %d fields", len(way), i)
			}
			got = got || all
		}
		if got != want {
			t.Fatalf("%q: %v, want %v", text, got, want)
		}
	})
}

// matches is the meaning of a pattern, written out.
func matches(pattern []fieldmap.Glyph, text string) bool {
	if len(pattern) == 0 {
		return text == ""
	}
	runes := []rune(text)
	switch pattern[0] {
	case fieldmap.Many:
		for i := range len(runes) + 1 {
			if matches(pattern[1:], string(runes[i:])) {
				return true
			}
		}
		return false
	case fieldmap.One:
		return len(runes) > 0 && matches(pattern[1:], string(runes[1:]))
	}
	return len(runes) > 0 && strings.EqualFold(string(runes[0]), string(rune(pattern[0]))) && matches(pattern[1:], string(runes[1:]))
}
