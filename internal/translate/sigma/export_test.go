package sigma

// LuceneOf and the parts of patterns, for tests of this package.
var (
	LuceneOf      = luceneOf
	Base64Offsets = base64Offsets
)

// PatternText writes a pattern as it was read, for tests of this package.
func PatternText(s string) string { return readPattern(s).wildcard() }

// PatternWords writes a pattern as conditions tell it from others.
func PatternWords(s string, windash bool) string {
	if p := readPattern(s); windash {
		return p.windash().String()
	}
	return readPattern(s).String()
}

// PatternLucene writes a pattern as a regular expression.
func PatternLucene(s string, fold bool) string { return readPattern(s).lucene(fold) }

// Matches compares a text with a pattern in memory.
func Matches(pattern string, windash bool, s string) bool {
	p := readPattern(pattern)
	if windash {
		p = p.windash()
	}
	return text{pattern: p}.matcher()(s)
}

// MatchesOpen compares a text with a pattern behind a modifier that opens it, or cased.
func MatchesOpen(pattern, modifier, s string) bool {
	p := readPattern(pattern).open(modifier == "|contains" || modifier == "|endswith", modifier == "|contains" || modifier == "|startswith")
	return text{pattern: p, cased: modifier == "|cased"}.matcher()(s)
}
