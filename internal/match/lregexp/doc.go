// Package lregexp matches values in memory like a `regexp` query on a keyword field: it implements Lucene's
// regular expressions, as Elasticsearch 8.19 (Lucene 9.12) compiles them.
//
// They differ from Go's regexp: a pattern covers the whole value, `^` and `$` are ordinary characters, `.` is
// any code point (including a newline), there are no captures, and five more operators exist, each enabled by
// a bit of [Flags]: `~x` complement, `x&y` intersection, `<n-m>` numbers, `@` any string and `#` no string.
// `"..."` quotes in every mode.
//
// The flow: a parser turns the pattern into a small tree (syntax.go); the tree becomes one nondeterministic
// automaton over classes of code points (nfa.go), in which a complement or an intersection is a determinised
// part; [Regexp.Match] follows that automaton through states determinised on demand (dfa.go). So the time of
// a match is at most proportional to the length of the value times the size of the automaton (in the worst
// case found, 0.1 ms for a code point; a usual pattern takes 3 ns), and the memory for states is bounded.
//
// All rules were determined on an Elasticsearch 8.19 node, and the tests can compare with a node again
// (TOCSIN_ELASTICSEARCH_URL). Known differences:
//
//   - Complexity: Elasticsearch rejects a pattern whose whole automaton is too costly to
//     determinise (`.*a.{14}`). Here only a complement, an intersection, or the size of the
//     automaton can be too complex ([ErrTooComplex]), with limits above Elasticsearch's.
//   - Elasticsearch rejects patterns longer than index.max_regex_length (1000 by default); that
//     setting belongs to an index, so the caller checks it.
//   - Elasticsearch before April 2026 does not collapse runs of quantifiers (collapse.go).
//   - The bounds of `<n-m>` are ASCII digits; Java also accepts the digits of other scripts.
package lregexp
