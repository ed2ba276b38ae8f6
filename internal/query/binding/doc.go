// Package binding binds what a rule asks to the mappings of the indices that it names: which indices those are
// ([Query.Resolve]), and what query, filters and exceptions mean there as one condition ([Query.Where]). The plans of all
// rule types whose query is a condition are made of it.
package binding
