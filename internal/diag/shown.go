package diag

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Shown makes untrusted text safe to print on one line of a terminal. Characters that change the
// writing direction, by which a text can look like another, and line ends are written as their
// escapes; other control characters become U+FFFD.
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

// shown returns a character as [Shown] writes it.
func shown(r rune) string {
	switch {
	case unicode.IsControl(r):
		return string(utf8.RuneError)
	case special(r):
		return fmt.Sprintf(`\u%04x`, r)
	}
	return string(r)
}

// special reports whether a character controls the terminal or the layout.
func special(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}
