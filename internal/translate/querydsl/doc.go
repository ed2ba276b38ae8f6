// Package querydsl reads Elasticsearch's Query DSL, as the filters of rules have it: JSON to the
// neutral form ([Lower]).
//
// A clause is taken apart only where memory and Elasticsearch give the same answer to what comes of
// it. Every other clause, and every known clause with a parameter that is not known, is kept as a
// condition.Raw for Elasticsearch to judge, in the place where it stands: the rest of the query is
// still known. What Elasticsearch would refuse whatever the mapping is an error with the path of the
// clause.
//
// Scores are not read: boost and _name change nothing, must is filter.
//
// The flow: lower.go finds the reader of a clause by its name; bool.go joins clauses, leaf.go and
// range.go test one field, text.go one or several analysed, and querystring.go hands on what is written
// in a language of its own.
package querydsl
