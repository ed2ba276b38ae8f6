// Package ledger accounts for every slot of every rule: whether its window is covered, by which
// runner, and with which result.
//
// It runs nothing and searches nothing. The flow: [Ledger.Survey] compares the grid of a rule with
// the records and returns the owed slots. The caller runs them. [Ledger.Record] writes the outcome
// after the alerts are acknowledged. A slot without a record is owed, so a crash between the alerts
// and the record causes a repeated run, whose alerts exist already.
//
// Records are kept in pages, one for each rule and day, encoded column by column: a slot takes a
// few bytes. A page is written only over the version that was read ([Store]) and carries the
// fencing number of its writer, so a runner that was replaced cannot undo its successor's work. A
// [Head] says since when a rule's slots are owed, and up to which slot none is open.
package ledger
