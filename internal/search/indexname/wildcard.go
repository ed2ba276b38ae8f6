package indexname

import "strings"

// Wildcard returns a pattern with a star in place of each date, so that it matches the name at every time, and without
// a selector. A pattern without date math stays as it is; so does one that [Check] does not accept.
func Wildcard(pattern string) string {
	before, expression, ok := isMath(pattern)
	if !ok {
		plain, _, _ := strings.Cut(pattern, "::")
		return plain
	}
	n, err := parse(expression)
	if err != nil {
		return pattern
	}
	var b strings.Builder
	b.WriteString(before)
	for _, p := range n.parts {
		if p.format.pieces == nil {
			b.WriteString(p.text)
		} else {
			b.WriteByte('*')
		}
	}
	return strings.ReplaceAll(b.String(), "**", "*")
}
