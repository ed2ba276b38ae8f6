// Package query is the contract between what a rule asks and whoever runs it. A folder below it plans each family of rule
// types.
//
// The flow: package plans turns a rule into a [Plan], once, without a server; [Plan.Prepare] asks the events' place what
// the patterns and fields mean just now and yields a [Prepared] search; [Prepared.Execute] runs it over one window and
// hands out the [Hit]s page by page. [Prepared.Explain] shows every stage in between. It makes no alerts and keeps no
// state.
package query
