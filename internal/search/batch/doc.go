// Package batch answers many searches with few requests: [Scan] reads the events of all of them
// once and matches every condition in memory; [Multi] sends their first pages in one request.
//
// It does not choose between the two (package planner does) and does not interpret hits. It knows
// no rules: a search is a [search.Request]. The flow: the caller collects the requests of many
// executions; Scan or Multi returns [Answers], which is itself a [search.Events]; the executions
// then run as if they were alone. A request that could not be answered together is searched for
// individually, so an answer never differs from the answer of a separate search. An event is matched
// under the mapping of its own index: a request whose indices have different mappings is several
// conditions of the set, each for some indices. A condition that crashes has the crash as its
// answer and does not affect other conditions.
package batch
