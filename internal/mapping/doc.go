// Package mapping knows what an Elasticsearch mapping says of a field, and what Elasticsearch
// makes of a JSON value under it.
//
// It is not a schema validator and holds no documents: it answers "which type has this field" for
// the languages (a wildcard on a number is a mistake) and "which value is indexed" for matching in
// memory (a keyword longer than ignore_above is not there; an IPv4 address equals its IPv6 form).
//
// The flow: a [Fields] comes from a mapping file ([ParseIndices]), from the APIs of a cluster, from the
// types of ECS ([ECS]) or from the values themselves ([Inferred]). Of several indices it is an
// [IndexFields], which answers for all of them together and for each ([OfIndex], [Ways]). [Field.Index]
// then turns one JSON value into the [Value] that queries compare with.
package mapping
