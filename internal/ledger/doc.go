// Package ledger accounts for every slot of every rule: whether its window is covered, by whom, and
// with which result.
//
// It runs nothing and searches nothing. The flow: [Ledger.Survey] compares the grid of a rule with
// what is recorded and says which slots are owed; somebody runs them; [Ledger.Record] writes what
// came of it, after the alerts are acknowledged. A slot that nobody recorded is owed, so a crash
// between the alerts and the record costs a repetition, whose alerts are there already.
//
// Records are kept in pages, one for a rule and day, encoded column by column: a slot takes some
// bytes. A page is only written over the version that was read ([Store]), and carries the fencing
// number of whoever wrote it, so a runner that was believed dead cannot undo what its successor has
// done. A [Head] says from when on a rule's slots are owed at all, and up to where none is open.
package ledger
