// Package query plans and executes what a rule asks: one file per rule type, one per strategy.
//
// It makes no alerts and keeps no state. The flow: [For] turns a rule into a [Plan], once, without
// a server; [Plan.Prepare] asks the events' place what the patterns and fields mean just now and
// yields a [Prepared] search; [Prepared.Execute] runs it over one window and hands out the [Hit]s
// page by page. [Prepared.Explain] shows every stage in between.
package query
