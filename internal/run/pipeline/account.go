package pipeline

import (
	"context"
	"time"

	"tocsin/internal/diag/failure"
	"tocsin/internal/ledger"
)

// Recorder stores the accounts of executions.
type Recorder interface {
	// Record stores executions that have ended and whose alerts are all acknowledged. An error lists what
	// could not be stored: the windows of those executions do not count as covered.
	Record(ctx context.Context, executions []Execution) error
}

// Starter is a [Recorder] that is also notified when executions start.
type Starter interface {
	// Began is called with executions before they search. The returned function must be called when they have
	// ended, before Record.
	Began(ctx context.Context, executions []Execution) (ended func())
}

// Entries returns the ledger entries of an execution that ended at a time: one for each slot that it covers.
// The last entry has the counts.
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

// reason returns why a part of the window was not read.
func (x Execution) reason() ledger.Reason { return ledger.ReasonOf(string(failure.UnreadOf(x.Err))) }

// ledgerStatus returns the status of the execution's slots. A slot with hits beyond max_signals is queued:
// the next run gets further, as existing alerts do not count.
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
