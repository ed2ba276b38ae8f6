// Package window holds the half-open range of time that one run of a rule covers.
//
// A window comes from a slot, the scheduled moment of a run, and the look-back of the rule; never
// from the time at which the run happens. A late run therefore reads exactly what a punctual one
// would have read, and windows of a rule can be listed for any past.
//
//	slot + from/to of the rule ─► At ─► Window ─► the search of that run
//
// It knows nothing of rules, of searches or of which windows are already covered.
package window
