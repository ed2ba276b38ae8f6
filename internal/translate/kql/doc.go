// Package kql is the Kibana Query Language, which rules call kuery: text to tree ([Parse]), tree to
// text ([Query.String]), and the tree to the neutral form ([Lower]).
//
// It is not Lucene's query syntax (no ranges in brackets, no fuzziness, no regular expressions) and
// runs nothing. The flow: scan.go reads characters and remembers what was expected where, parse.go
// and value.go make the tree with a span on every node, lower.go asks the mapping which fields a
// name means and writes the test that Kibana would send for a field of that type.
//
// What is searched for depends on the field more than on the query: a value is compared whole with
// a keyword, analysed beside text, read as a number, date or address beside those. A field that no
// index maps matches nothing; Kibana says nothing about it, here it is a warning.
package kql
