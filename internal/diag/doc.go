// Package diag says what is wrong with something a person wrote, and where.
//
// A [Diagnostic] is a user's mistake (or a remark) with file, line and column; it is data, to be
// rendered with a caret for people and as JSON for scripts. It is not an operational failure: a
// refused connection or a full disk is an error value.
//
// The flow: a loader wraps what it read in a [Text]; parsers report a [Span] of that text;
// [Text.Report] turns both into a Diagnostic, even when the text is a string inside a larger file
// (a query inside a TOML rule); [Render] prints it.
package diag
