// Package splunk runs searches as Splunk would, over rows in memory.
//
// It does not parse (package spl does) and does not know where events come from: a [Source] provides them, newest
// first. The flow: [Check] reports which commands cannot run in an environment ([Env]); run.go makes a chain of
// stages, one for each command, and pushes rows through it one by one. A command that needs more than one row
// (stats, sort, join …) holds rows, which count against the memory limit. Each stage is told once that the rows
// have ended, also if the next stage needs no more rows. Times in the condition of a search are the window of that
// search only (within.go).
//
// A field has a [Value]: a text, a number, or several of them. Rows have the field names that the search uses. The
// value of a missing field is null, and comparisons with null are null.
package splunk
