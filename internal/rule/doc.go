// Package rule holds detection rules as the rest of Tocsin sees them, and loads them from the TOML
// files of elastic/detection-rules ([metadata], [rule], [[rule.threat]], [transform]) and from what
// Kibana exports: rules with their exceptions, saved queries and data views.
//
// It is not a query parser and not a scheduler: a query stays text that knows its place in the
// file, an interval stays a number. It asks no server and no clock.
//
// The flow:
//
//	file ─► tomltree ─► fields (decode) ─► defaults ─► check ─► Rule, diagnostics
//	files ─► Load ─► Set ─► resolve: exceptions, value lists, saved queries, data views
//
// A line of an export is a document of its own (export.go): a rule goes the same way as a file, an
// exception item (exceptions_load.go) or a saved object (saved.go) is kept for the rules that name it,
// which may come before or after it. What a rule names and nobody has is a warning.
//
// A fault never stops the reading: everything wrong with a file is reported in source order, and a
// file with an error keeps nobody else's rule from loading. A later stage that finds a fault in a
// rule reports it at the right place of the file with [Rule.Report].
//
// The names are those of the file format where it has one. Two keys are Tocsin's own: rule.cron, a
// cron expression ("0 * * * *") in the place of rule.interval, for runs that are not evenly spaced, and
// rule.cron_time_zone, the zone that it is in when that is not UTC.
package rule
