// Package datemath reads Elasticsearch date math: the from and to of a detection rule, such as
// "now-9m", "now-1d/d" or "now", and the steps behind the anchors of dates in queries and of index
// names.
//
// It is not a date parser: [Parse] refuses an expression with a fixed anchor ("2026-01-01||/M"),
// because a rule that always reads the same days is a mistake; whoever reads such dates in queries
// takes them apart with [Cut]. Nothing here asks the clock; the caller says which moment "now" is, and
// gets the same answer for it on every machine.
//
//	text ─► Parse ─► Expr ─► Expr.At(now) ─► one moment, in UTC
//
// The semantics are the same as in Elasticsearch: steps apply from left to right, weeks begin on
// Monday, a month or year step that would leave the month stops at its last day (31 January plus
// one month is 28 or 29 February), and rounding goes down.
package datemath
