// Package backfill runs rules over past time, on the same grid as in service.
//
// A [Job] is a set of rules and the slots of their grids in a time range. Its state is in a ledger
// store: its description in a head, its slots in separate pages. So a job whose process was killed
// continues where it stopped. [Runner] goes through the range in stretches, oldest first, and runs
// all rules over the same stretch together, so that one read of the events serves all of them.
// Slots of a rule are merged into one run where that does not change the result. Slots of other
// rules run one after the other.
//
//	Job ─► stretches ─► catchup.Plan ─► Rounds.RunAll ─► ledger.Record ─► Progress, Account
//
// [Preview] replaces the alerts in a job that must write nothing. The package reads no clock but
// the one it is given, and knows neither flags nor backends.
package backfill
