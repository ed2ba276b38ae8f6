// Package mapping knows the mapping of a field, and the value that Elasticsearch indexes for a JSON
// value under it.
//
// It is not a schema validator and holds no documents. It answers which type a field has, for the
// languages (a wildcard on a number is a mistake), and which value is indexed, for matching in
// memory (a keyword longer than ignore_above is not indexed; an IPv4 address equals its IPv6 form).
//
// The flow: [Fields] come from a mapping file ([ParseIndices]), from the APIs of a cluster, from
// the types of ECS ([ECS]) or from the values themselves ([Inferred]). For several indices they are
// [IndexFields], which answer for all indices together and for each ([OfIndex], [Ways]).
// [Field.Index] then turns one JSON value into the [Value] that queries compare with.
package mapping
