// Package rule holds detection rules as the rest of Tocsin sees them, and loads them from the TOML
// files of elastic/detection-rules ([metadata], [rule], [[rule.threat]], [transform]).
//
// It is not a query parser and not a scheduler: a query stays text that knows its place in the
// file, an interval stays a number. It asks no server and no clock.
//
// The flow:
//
//	file ─► tomltree ─► fields (decode) ─► defaults ─► check ─► Rule, diagnostics
//	files ─► Load ─► Set
//
// A fault never stops the reading: everything wrong with a file is reported in source order, and a
// file with an error keeps nobody else's rule from loading. A later stage that finds a fault in a
// rule reports it at the right place of the file with [Rule.Report].
//
// The names are those of the file format where it has one. One key is Tocsin's own: rule.cron, a
// cron expression in UTC ("0 * * * *") in the place of rule.interval, for runs that are not evenly
// spaced.
package rule
