package diag

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Shown returns a text of somebody else's as a terminal may be given it, on one line: characters that turn the direction
// of writing, by which a text can look like another, and those that end lines are written as their
// escapes; other control characters are U+FFFD.
func Shown(text string) string {
	if strings.IndexFunc(text, special) < 0 && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		b.WriteString(shown(r))
	}
	return b.String()
}

// shown is a character as [Shown] writes it.
func shown(r rune) string {
	switch {
	case unicode.IsControl(r):
		return string(utf8.RuneError)
	case special(r):
		return fmt.Sprintf(`\u%04x`, r)
	}
	return string(r)
}

// special reports whether a character drives what it is shown on.
func special(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}
