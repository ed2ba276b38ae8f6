// Package hunt counts what many rules find in a past range of time or in files. It writes no alerts and records no
// slots.
//
// One read serves all rules as far as memory can decide them ([planner.Planner.Stream]); it keeps counts, not hits. A
// rule of single events is answered by that read. Of other rules it tells when they can have hits at all: only there is
// a rule run again, over the whole range (sequences, correlations, indicators) or slot by slot on its own grid (groups
// that are counted, new terms, searches in SPL, ES|QL, conditions that depend on the time of the run).
package hunt
