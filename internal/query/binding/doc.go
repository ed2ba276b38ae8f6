// Package binding binds the query of a rule to the mappings of its indices: [Query.Resolve] finds the indices, and
// [Query.Where] combines query, filters and exceptions into one condition under their mappings. All rule types whose
// query is a condition use it.
package binding
