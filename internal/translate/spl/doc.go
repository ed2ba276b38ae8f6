// Package spl is Splunk's search processing language: macros replaced in the text ([Expand]), text
// to tree ([Parse]), and tree to text ([Search.String]).
//
// It runs nothing; package splunk does. Package pushdown lowers the conditions of a search to the neutral
// condition. The flow: expand.go replaces macros and comments and records the origin of every byte; scan.go reads
// words as each command needs them; parse*.go makes one node for each command, with spans in the expanded text.
// [Source.Report] maps a span back to the original text, through the macro that it came from.
//
// Splunk has two grammars of conditions. Search conditions (search, WHERE in tstats) bind OR before AND, ignore
// case and have wildcards. Expressions (where, eval) bind AND before OR, and have neither. An unknown command or
// function is a diagnostic with [CodeUnsupported].
package spl
