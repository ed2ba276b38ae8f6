// Package settle decides when a slot of a rule may be run: when both clocks, this machine's and the
// cluster's, have passed it by the time that events of the rule's indices take to become visible.
//
// An event carries the time of the machine that made it, and the runner's clock decides the slot's
// window. A slot that is run before both clocks have reached it would count a window as covered
// that is still filling. An event that was indexed before the slot is found only after a refresh.
//
//	machine, cluster ─► [Clock] ─► Passed ─┐
//	                                       ├─► [Times].From, Settled, Latest
//	refresh intervals, --settle ─► Of ─────┘
//
// The package knows neither rules nor flags nor Elasticsearch: it has patterns, and a func that
// returns their refresh intervals.
package settle
