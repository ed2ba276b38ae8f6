// Package diag reports what is wrong in a user's text, and where.
//
// A [Diagnostic] is a user's mistake (or a remark) with file, line and column. It is data, rendered
// with a caret for people and as JSON for scripts. It is not an operational failure: a refused
// connection or a full disk is an error value.
//
// The flow: a loader wraps the text that it read in a [Text]; parsers report a [Span] of that text;
// [Text.Report] turns both into a Diagnostic, even when the text is a string inside a larger file
// (a query inside a TOML rule); [Render] prints it.
package diag
