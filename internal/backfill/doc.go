// Package backfill runs rules over times that are past, on the grid that they have in service.
//
// A [Job] is rules, and the slots of their grids in a range of time. What is known of it lies in a
// ledger store: its description in a head, its slots in pages of its own, so that a job whose
// process was killed goes on where it was. [Runner] goes through the range stretch by stretch, the
// oldest first, and runs all rules over the same stretch together, so that one read of the events
// serves all of them. Slots of a rule for which that changes nothing are merged into one run; those
// of other rules are run one by one, each after the one before.
//
//	Job ─► stretches ─► catchup.Plan ─► Rounds.RunAll ─► ledger.Record ─► Progress, Account
//
// [Preview] stands in the place of the alerts of a job that must write nothing. The package reads no
// clock but the one it is given, and knows neither flags nor places.
package backfill
