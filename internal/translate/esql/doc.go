// Package esql reads ES|QL, the piped query language of Elasticsearch: which indices a query asks
// for, what its rows stand for, and where it is plainly wrong ([Parse]).
//
// It runs nothing and knows no functions and no types: that is Elasticsearch's, which is asked
// before every run. The flow: lex.go cuts the text into tokens, parse.go the tokens into stages,
// source.go reads the first of them, shape.go judges what the others do to the rows, and [Query.Send]
// writes the text that is sent, with what the runner adds, and leads the places that Elasticsearch
// names in it back to the text as it was written.
//
// Elasticsearch adds commands with every release. One that is not known here is a warning, unless it
// is one letter off a known one.
package esql
