package form

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Quote writes a text as a string of TOML on one line.
func Quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range strings.ToValidUTF8(text, string(utf8.RuneError)) {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Text writes a text as a string of TOML: one of several lines if it has several and TOML can say it like that.
func Text(text string) string {
	plain := !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r == utf8.RuneError })
	switch {
	case !strings.Contains(text, "\n") || !plain:
		return Quote(text)
	case !strings.Contains(text, "'''") && !strings.HasSuffix(text, "'"):
		return "'''\n" + text + "'''"
	}
	escaped := strings.NewReplacer(`\`, `\\`, `"""`, `""\"`).Replace(text)
	if before, ok := strings.CutSuffix(escaped, `"`); ok {
		escaped = before + `\"`
	}
	return "\"\"\"\n" + escaped + "\"\"\""
}
