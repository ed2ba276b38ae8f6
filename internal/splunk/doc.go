// Package splunk runs searches as Splunk would, over rows in memory.
//
// It does not parse (package spl does) and does not know where events come from: a [Source] hands
// them in, the newest first. The flow: [Check] says what of a search cannot be run with what there
// is ([Env]), run.go makes a chain of stages of a search, one for each command, and rows are pushed
// through it one by one; a command that needs more than one row (stats, sort, join …) holds them, and
// all that is held counts against a limit of memory. Each stage is told once of the end, also when what
// stands behind it wants no more rows. Times within the condition that events are asked for by are the
// window of that search alone (within.go).
//
// A field has a [Value]: a text or a number, or several. Rows keep the names that the search uses.
// Null is the value of a field that a row does not have; comparisons with it are null as well.
package splunk
