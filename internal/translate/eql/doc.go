// Package eql is the Event Query Language as Elasticsearch 8 defines it: text to tree ([Parse]),
// tree to text ([Query.String]), and the tree's conditions to the neutral form ([Lower]).
//
// It is not Endgame's older EQL (case-insensitive ==, wildcard(), child of …), runs nothing, and
// knows no rule files. The flow: lex.go makes tokens; parse.go and parse_expr.go make the tree with
// a span on every node; lower.go looks up fields in the mapping and makes the condition.
//
// Missing values need care. A document without a mapped field fails a test on it, and the negated
// test holds. A field that no index maps is an error in Elasticsearch and a warning here, unless it
// is written ?field: then it is the constant null, and null is neither true nor false, negated or
// not.
package eql
