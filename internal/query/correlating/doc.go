// Package correlating plans correlations: what several rules find, counted or put in order over a sliding window.
//
// The flow: an [Input] is the tree of a correlation, its leaves the plans of rules whose hits are single events.
// [New] makes the [Plan]. An execution reads the hits of every leaf, from a timespan before what it decides (read.go), and
// reduces each to a time and the values that are grouped and counted (hits.go). From them completions are found from the
// inside to the outside (complete.go), in package correlation. Each group and bucket of time becomes one hit (alerts.go).
//
// What was read is kept for the next execution when the slot is covered (kept.go), so that a slot reads only its own window.
// The events decide, not what is kept: a restart or another runner reads again, and finds the same.
package correlating
