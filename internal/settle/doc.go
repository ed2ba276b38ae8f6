// Package settle decides from when on a slot of a rule may be run: when both clocks, this machine's and
// the cluster's, have passed it by the time that events of the rule's indices take to become visible.
//
// An event carries the time of whoever made it, and the slot's window is told by the clock of whoever runs
// it: a slot that is run while one of the two clocks has not come to it counts a window as covered that is
// not full yet. What was indexed before a slot is found only after a refresh.
//
//	machine, cluster ─► [Clock] ─► Passed ─┐
//	                                       ├─► [Times].From, Settled, Latest
//	refresh intervals, --settle ─► Of ─────┘
//
// It knows neither rules nor flags nor Elasticsearch: patterns, and a func that is asked about them.
package settle
