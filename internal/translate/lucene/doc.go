// Package lucene is the language of Elasticsearch's query_string, which rules call lucene: text to
// tree ([Parse]), tree to text ([Query.String]), and the tree to the neutral form ([Lower]).
//
// It is the syntax of Lucene's classic query parser with Elasticsearch's additions (_exists_:f,
// f:>5), as Kibana sends it: it searches all fields by default, and a value that a field cannot
// have matches nothing. It is not KQL, and not a logic of and, or and not: every clause of a list
// is required, prohibited or optional, and AND and OR change the role of the clauses beside them.
//
// The flow: lex.go splits the text into the parser's tokens, longest first; parse.go makes the tree
// with a span on every node; occur.go decides which clauses of a list are required; lower.go and
// test.go look up the meaning of a test in the mapping. If a test is not a condition (fuzziness,
// distances between words, terms without a field, date math), the whole query is kept for a search
// to run.
package lucene
