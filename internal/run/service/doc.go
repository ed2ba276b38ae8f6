// Package service keeps rules running and their slots covered.
//
// It finds no hits and writes no alerts ([Rounds] do), and knows neither Elasticsearch nor flags.
// It only decides when this runner runs which slot of which rule. The flow: the scheduler fires the
// slots of all rules. If this runner owns the rule ([Owner]), the slot runs at once, in a round.
// The [Recorder] writes the outcome of a round to the ledger before anything depends on it. Open
// slots (not run because no runner was up, failed, read in part, or with hits left) form the
// backlog. They are read from the ledger at the start, after a change of runners and now and then,
// and held in memory in between. The catch-up runs them with lower priority than live ones, in the
// order of package catchup.
//
//	scheduler ─► live ─► Rounds ─► Recorder ─► ledger
//	                 │                 │          │
//	                 └──► backlog ◄────┴──────────┘
//	                        └─► catch-up ─► Rounds
package service
