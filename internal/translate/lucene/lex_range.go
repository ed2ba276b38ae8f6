package lucene

import "strings"

// bounds takes the content of a range up to its end. Other characters are not special there.
func (l *lexer) bounds() {
	for l.pos < len(l.src) {
		rest := l.rest()
		bound := len(rest)
		if i := strings.IndexAny(rest, " ]}"); i >= 0 {
			bound = i
		}
		blank, quoted := blankAt(rest), 0
		if rest[0] == '"' {
			quoted = closedLen(rest, '"')
		}
		switch {
		case rest[0] == ']':
			l.add(tokEndIn, 1)
			return
		case rest[0] == '}':
			l.add(tokEndEx, 1)
			return
		case blank >= bound:
			l.pos += blank
		case quoted > len(`""`) && quoted >= bound:
			l.add(tokQuotedEnd, quoted)
		case rest[:bound] == "TO":
			l.add(tokRangeTo, bound)
		default:
			l.add(tokBound, bound)
		}
	}
}
