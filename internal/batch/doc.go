// Package batch answers many searches with few requests: [Scan] reads the events of all of them
// once and matches every condition in memory, [Multi] sends their first pages in one request.
//
// It does not choose between the two (package planner does) and makes nothing of what is found. It
// knows no rules: a search is a [search.Request]. The flow: somebody collects the requests of many
// executions; Scan or Multi yields [Answers], which is itself a [search.Events]; the executions
// then run as if they were alone. Whatever could not be answered together, the Answers search for
// one by one where the events are, so an answer is never other than that of a search of its own.
// An event is matched under the mapping of its own index: a request that indices read in several ways
// is several conditions of the set, each for some indices. A condition that crashes has that as its
// answer, and takes no other down.
package batch
