package lregexp

import "strings"

const quantifiers = "?*+"

// collapse rewrites each run of quantifiers to one, as Elasticsearch does before Lucene parses a pattern
// (since its pull request 145452): `a+?` is `a*`. The rewriting is textual: it treats escapes, quotes and
// classes only roughly, and if a run begins an operand, and so is not a quantifier, the meaning of the
// pattern changes: `**` matches only *, `a|+?` is a or *.
//
// If the pattern was changed, origin holds the offset in the pattern of each byte of text and of its end.
func collapse(pattern string) (text string, origin []int) {
	var out []byte
	var quoted, class bool
	for at := 0; at < len(pattern); {
		origin = append(origin, at)
		c, size := pattern[at], 1
		switch {
		case c == '\\' && at+1 < len(pattern): // within quotes too, where it escapes nothing
			out, origin = append(out, c), append(origin, at+1)
			c, size = pattern[at+1], 2
		case quoted:
			quoted = c != '"'
		case class: // unlike in Lucene, a first ] ends it
			class = c != ']'
		case c == '"':
			quoted = true
		case c == '[':
			class = true
		default:
			c, size = quantifier(pattern[at:])
		}
		out = append(out, c)
		at += size
	}
	if len(out) == len(pattern) {
		return pattern, nil
	}
	return string(out), append(origin, len(pattern))
}

// quantifier returns the quantifier that the run at the start of a text is equivalent to, and the length of
// the run; for any other text, the first byte.
func quantifier(text string) (c byte, size int) {
	run := text[:len(text)-len(strings.TrimLeft(text, quantifiers))]
	switch {
	case run == "":
		return text[0], 1
	case strings.Trim(run, run[:1]) == "":
		return run[0], len(run)
	}
	return '*', len(run)
}
