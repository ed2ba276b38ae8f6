package ledger

import "time"

// Status is what became of a slot.
type Status uint8

// The statuses. Planned is that of a slot of which nothing is recorded, or that was opened again. Covered and
// GivenUp are final, Vacant is until an index appears; the others are owed.
const (
	Planned Status = iota
	// Running was begun by the runner that the entry names, and has not ended.
	Running
	// Covered: the whole window was read, and all its alerts are acknowledged or queued.
	Covered
	// Failed: nothing can be said of the window.
	Failed
	// Partial: a part of the window was read.
	Partial
	// GivenUp: the slot is older than what is caught up with, or somebody waived it.
	GivenUp
	// Queued: the whole window was read, and hits beyond max_signals wait for another run.
	Queued
	// Vacant: no pattern of the rule meant an index. Nothing is owed until one does.
	Vacant
)

var statusNames = [...]string{"planned", "running", "covered", "failed", "partial", "given_up", "queued", "vacant"}

// String returns the name that output and documents have for the status.
func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return "unknown"
}

// Open reports whether a slot of the status is still to be run.
func (s Status) Open() bool { return s != Covered && s != GivenUp && s != Vacant }

// Reason is why a part of a slot's window was not read, beside its status.
type Reason uint8

// The reasons. Shards stands for parts of indices that did not answer.
const (
	NoReason Reason = iota
	Forbidden
	ClosedIndex
	Remote
	Shards
)

var reasonNames = [...]string{"", "forbidden", "closed", "remote", "shards"}

// String returns the name that output has for the reason, "" for none.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return "unknown"
}

// ReasonOf returns the reason of a name, [NoReason] where none has it.
func ReasonOf(name string) Reason {
	for i, n := range reasonNames {
		if n == name {
			return Reason(i)
		}
	}
	return NoReason
}

// Entry is the account of one slot of a rule.
type Entry struct {
	Slot   time.Time
	Status Status
	// Attempts is how often the slot was tried, Fence the fencing number of the last who did.
	Attempts, Fence int64
	// Read is the number of documents that were looked at; Hits were found in them.
	Read, Hits int64
	// Created, Duplicates and Suppressed are what became of the hits' alerts, Queued the hits that
	// max_signals left for later.
	Created, Duplicates, Suppressed, Queued int64
	// Shards is the number of shards that failed.
	Shards int64
	// Took is how long the run took, kept to about a tenth.
	Took time.Duration
	// Ended is when the run ended, to the second; it says how late it was.
	Ended time.Time
	// Reason is why a part of the window was not read.
	Reason Reason
	// Error says why the slot is not covered; "" when it is.
	Error string
}

// Day returns the day, in UTC, whose page has the slot.
func Day(slot time.Time) time.Time { return slot.UTC().Truncate(24 * time.Hour) }
