// Package query is the contract between the plan of a rule and its callers. Each family of rule types is planned in a
// package below it.
//
// The flow: package plans turns a rule into a [Plan], once, without a server. [Plan.Prepare] resolves index patterns and
// fields and returns a [Prepared] search. [Prepared.Execute] runs it over one window and passes on the [Hit]s page by
// page. [Prepared.Explain] shows every stage in between. Plans make no alerts and keep no state.
package query
