// Package indexname resolves date math in index names: <logs-{now/d}> is the index of a day, and a rule that
// runs over a window reads the indices of all days that overlap the window.
//
// Elasticsearch would use its own clock, and so read the wrong day for a slot that runs later, or for a
// window across midnight. Therefore names are resolved here before any request:
//
//	patterns ─► Resolve(patterns, slot, window) ─► patterns without date math
//
// The syntax is Elasticsearch's: {now/d{yyyy.MM.dd|+12:00}} has math, a date format and a time zone, a
// backslash escapes a brace, and -<…> excludes.
package indexname
