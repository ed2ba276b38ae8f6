// Package rule is the model of detection rules, and loads them from the TOML files of
// elastic/detection-rules ([metadata], [rule], [[rule.threat]], [transform]) and from Kibana
// exports: rules with their exceptions, saved queries and data views.
//
// It is not a query parser and not a scheduler: a query stays text with its position in the file,
// an interval stays a number. It uses no server and no clock.
//
// The flow:
//
//	file ─► tomltree ─► fields (decode) ─► defaults ─► check ─► Rule, diagnostics
//	files ─► Load ─► Set ─► resolve: exceptions, value lists, saved queries, data views
//
// Each line of an export is a separate document (export.go). A rule is handled like a file. An
// exception item (exceptions_load.go) or a saved object (saved.go) is kept for the rules that refer
// to it, which may come before or after it. A reference that no loaded file defines is a warning.
//
// A mistake never stops loading: everything wrong with a file is reported in source order, and a
// file with an error does not keep other rules from loading. A later stage that finds a mistake in
// a rule reports it at the right place of the file with [Rule.Report].
//
// Names follow the file format where it has one. Two keys are specific to Tocsin: rule.cron, a cron
// expression ("0 * * * *") instead of rule.interval, for runs that are not evenly spaced, and
// rule.cron_time_zone, its time zone if that is not UTC.
package rule
