// Package service keeps rules running, and their slots covered.
//
// It finds no hits and writes no alerts ([Rounds] do), knows neither Elasticsearch nor flags, and
// decides only when which slot of which rule is run here. The flow: the scheduler fires the slots of
// all rules; those whose rule is ours ([Owner]) are run at once, in rounds. What a round came to goes
// to the ledger by way of the [Recorder] before anybody counts on it. Slots that are open (not run
// because nobody was there, failed, partly read, with hits left) are owed: they are looked up in the
// ledger at the start, after a change of runners and now and then, and held in memory in between.
// The catch-up runs them behind the live ones, in the order of package catchup.
//
//	scheduler ─► live ─► Rounds ─► Recorder ─► ledger
//	                 │                 │          │
//	                 └──► backlog ◄────┴──────────┘
//	                        └─► catch-up ─► Rounds
package service
