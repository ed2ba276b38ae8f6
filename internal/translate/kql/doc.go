// Package kql is the Kibana Query Language, which rules call kuery: text to tree ([Parse]), tree to
// text ([Query.String]), and the tree to the neutral form ([Lower]).
//
// It is not Lucene's query syntax (no ranges in brackets, no fuzziness, no regular expressions) and
// runs nothing. The flow: scan.go reads characters and remembers what was expected at each
// position; parse.go and value.go make the tree with a span on every node; lower.go looks up fields
// in the mapping and makes the test that Kibana would send for a field of that type.
//
// The test depends on the field more than on the query: a value is compared as a whole with a
// keyword, analysed for text, and parsed for numbers, dates and addresses. A field that no index
// maps matches nothing; Kibana says nothing about it, here it is a warning.
package kql
