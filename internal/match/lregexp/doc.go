// Package lregexp answers in memory what Elasticsearch answers for a `regexp` query on a keyword
// field: Lucene's regular expression language, as Elasticsearch 8.19 (Lucene 9.12) compiles it.
//
// It is not Go's regexp: a pattern covers the whole value, `^` and `$` are ordinary characters, `.`
// is any code point (a newline too), there are no captures, and five more operators exist, each
// behind a bit of [Flags]: `~x` complement, `x&y` intersection, `<n-m>` numbers, `@` any string and
// `#` no string. `"..."` quotes in every mode.
//
// The flow: a parser turns the pattern into a small tree (syntax.go); the tree becomes one
// nondeterministic automaton over classes of code points (nfa.go), in which a complement or an
// intersection is a determinised part; [Regexp.Match] walks that automaton through states
// determinised on demand (dfa.go). A match therefore takes at most time proportional to the length
// of the value times the size of the automaton (in the worst case found, 0.1 ms for a code point; a
// usual pattern takes 3 ns), and the states kept are capped.
//
// Every rule was read off an Elasticsearch 8.19 node, and the tests can be compared with one again
// (TOCSIN_ELASTICSEARCH_URL). Known differences:
//
//   - What is too complex: Elasticsearch refuses a pattern whose whole automaton is too costly to
//     determinise (`.*a.{14}`). Here only a complement or an intersection, and the sheer size, can
//     be refused ([ErrTooComplex]), with limits above Elasticsearch's.
//   - Elasticsearch refuses patterns longer than index.max_regex_length (1000 by default); that
//     setting belongs to an index, so the caller checks it.
//   - Elasticsearch before April 2026 does not collapse runs of quantifiers (collapse.go).
//   - The bounds of `<n-m>` are ASCII digits; Java also reads the digits of other scripts.
package lregexp
