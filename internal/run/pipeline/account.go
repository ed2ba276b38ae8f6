package pipeline

import (
	"context"
	"time"

	"tocsin/internal/diag/failure"
	"tocsin/internal/ledger"
)

// Recorder keeps the accounts of executions.
type Recorder interface {
	// Record is told of executions that have ended, all of whose alerts are acknowledged. What it
	// cannot keep, the error is for: their windows do not count as covered then.
	Record(ctx context.Context, executions []Execution) error
}

// Starter is a [Recorder] that wants to know of executions that are under way.
type Starter interface {
	// Began is told of executions before they search. What it returns is called once they have ended,
	// ahead of Record.
	Began(ctx context.Context, executions []Execution) (ended func())
}

// Entries are what a ledger records of an execution that ended at a time: one for each slot that it
// covers. The numbers stand at the last one.
func (x Execution) Entries(ended time.Time, fence int64) []ledger.Entry {
	slots := x.Covers
	if len(slots) == 0 {
		slots = []time.Time{x.Slot}
	}
	entries := make([]ledger.Entry, len(slots))
	for i, slot := range slots {
		entries[i] = ledger.Entry{Slot: slot, Status: x.ledgerStatus(), Attempts: int64(x.Attempts) + 1, Fence: fence, Ended: ended, Reason: x.reason(), Error: x.Problem()}
	}
	last := &entries[len(entries)-1]
	last.Read, last.Hits, last.Queued = x.Read, x.Hits, x.Left
	last.Created, last.Duplicates, last.Suppressed = int64(x.Created), int64(x.Duplicates), int64(x.Suppressed)
	last.Took = x.Took
	return entries
}

// reason is why a part of the window was not read.
func (x Execution) reason() ledger.Reason { return ledger.ReasonOf(string(failure.UnreadOf(x.Err))) }

// ledgerStatus is what an execution comes to for its window. Hits that max_signals left wait for the
// slot to be run again, which gets further: the alerts that are there do not count.
func (x Execution) ledgerStatus() ledger.Status {
	switch {
	case x.Status == Succeeded && x.Vacant:
		return ledger.Vacant
	case x.Status == Succeeded:
		return ledger.Covered
	case x.Status == PartialFailure && x.Left > 0 && x.Err == nil && x.Failed == 0:
		return ledger.Queued
	case x.Status == PartialFailure:
		return ledger.Partial
	}
	return ledger.Failed
}
