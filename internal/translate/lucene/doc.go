// Package lucene is the language of Elasticsearch's query_string, which rules call lucene: text to
// tree ([Parse]), tree to text ([Query.String]), and the tree to the neutral form ([Lower]).
//
// It is the syntax of Lucene's classic query parser with what Elasticsearch adds to it (_exists_:f,
// f:>5), as Kibana sends it: all fields by default, and a value that a field cannot have finds
// nothing. It is not KQL, and no logic of and, or and not: every clause of a list is required,
// prohibited or optional, and what AND and OR do is change this of their neighbours.
//
// The flow: lex.go cuts the text into the parser's tokens, longest first; parse.go makes the tree with
// a span on every node; occur.go tells what of a list is required; lower.go and test.go ask the
// mapping what a test means for its field. Where a test is no condition (fuzziness, distances between
// words, terms without a field, date math), the whole query is kept as it is for a search to run.
package lucene
