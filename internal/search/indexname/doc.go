// Package indexname reads date math in index names: <logs-{now/d}> is the index of a day, and a rule that
// is run for a window of time reads those of every day that the window touches.
//
// Elasticsearch resolves such names by its own clock. A slot that is run later, or a window over midnight,
// would read the wrong day then, so names are written out here before anybody is asked for them:
//
//	patterns ─► Resolve(patterns, slot, window) ─► patterns without date math
//
// The names are those that Elasticsearch makes: {now/d{yyyy.MM.dd|+12:00}} has math, a date format and a
// zone, a backslash keeps a brace, and -<…> takes away.
package indexname
