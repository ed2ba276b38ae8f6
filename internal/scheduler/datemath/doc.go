// Package datemath evaluates Elasticsearch date math: the from and to of a detection rule, such as "now-9m",
// "now-1d/d" or "now", and the steps after the anchors of dates in queries and in index names.
//
// It does not parse dates: [Parse] rejects an expression with a fixed anchor ("2026-01-01||/M"), because a
// rule that always reads the same days is a mistake. For such dates in queries, [Cut] separates the anchor
// from the steps. The package reads no clock; the caller passes the time of "now", and the result is the same
// on every machine.
//
//	text ─► Parse ─► Expr ─► Expr.At(now) ─► one moment, in UTC
//
// The semantics are Elasticsearch's: steps apply from left to right, weeks begin on Monday, a month or year
// step that would leave the month stops at its last day (31 January plus one month is 28 or 29 February), and
// rounding goes down.
package datemath
