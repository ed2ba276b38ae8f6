// Package esql parses ES|QL, the piped query language of Elasticsearch: the indices of a query, the
// meaning of its rows, and its obvious errors ([Parse]).
//
// It runs nothing and knows no functions and no types: Elasticsearch checks those before every run.
// The flow: lex.go splits the text into tokens, parse.go the tokens into stages; source.go reads
// the first stage, shape.go determines the effect of the others on the rows, and [Query.Send]
// writes the text to send, with the runner's additions. [Sent.Span] maps the positions in
// Elasticsearch's errors back to the original text.
//
// Elasticsearch adds commands with every release. An unknown command is a warning, unless it is one
// letter off a known one.
package esql
