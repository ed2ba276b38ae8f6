// Package spl is Splunk's search processing language: macros replaced in the text ([Expand]), text
// to tree ([Parse]), and tree to text ([Search.String]).
//
// It runs nothing; package splunk does. What a search asks of events becomes the neutral condition in
// package fieldmap, which knows where the fields are. The flow: expand.go replaces macros and comments and
// remembers where every byte came from, scan.go reads words as each command wants them, parse*.go
// makes one node for each command with spans in the replaced text, and [Source.Report] leads a span
// back to the place in the file, through the macro that it came from.
//
// Splunk has two grammars of conditions. Search conditions (search, WHERE in tstats) bind OR before AND, ignore
// case and have wildcards. Expressions (where, eval) bind AND before OR, and have neither. An unknown command or
// function is a diagnostic with [CodeUnsupported].
package spl
