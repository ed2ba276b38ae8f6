// Package querydsl reads Elasticsearch's Query DSL in the filters of rules: JSON to the neutral
// form ([Lower]).
//
// A clause is interpreted only if memory and Elasticsearch evaluate the result in the same way.
// Every other clause, and every known clause with an unknown parameter, is kept in its place as a
// condition.Raw for Elasticsearch to evaluate: the rest of the query is still known. A clause that
// Elasticsearch would reject whatever the mapping is an error with the clause's path.
//
// Scores are ignored: boost and _name have no effect, must is filter.
//
// The flow: lower.go finds the reader of a clause by its name; bool.go joins clauses, leaf.go and
// range.go test one field, text.go one or several analysed fields, and querystring.go delegates
// text in another language.
package querydsl
