// Package window defines the half-open time range that one run of a rule reads.
//
// A window is computed from a slot, the scheduled time of a run, and the look-back of the rule; never from
// the time at which the run happens. So a late run reads exactly the same range as a punctual one, and the
// windows of a rule can be listed for any past time.
//
//	slot + from/to of the rule ─► At ─► Window ─► the search of that run
//
// It knows nothing of rules, searches or covered windows.
package window
