package ledger

import "time"

// Status is the outcome of a slot.
type Status uint8

// The statuses. Planned is a slot that has no record or was reopened. Covered and GivenUp are
// final. Vacant is final until an index appears. Slots of other statuses are owed.
const (
	Planned Status = iota
	// Running: the runner that the entry names has begun the slot, and has not ended.
	Running
	// Covered: the whole window was read, and all its alerts are acknowledged or queued.
	Covered
	// Failed: nothing is known of the window.
	Failed
	// Partial: a part of the window was read.
	Partial
	// GivenUp: the slot is too old for the catch-up, or a person waived it.
	GivenUp
	// Queued: the whole window was read, and hits beyond max_signals wait for another run.
	Queued
	// Vacant: no pattern of the rule matched an index. The slot is not owed until one does.
	Vacant
)

var statusNames = [...]string{"planned", "running", "covered", "failed", "partial", "given_up", "queued", "vacant"}

// String returns the name of the status in output and documents.
func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return "unknown"
}

// Open reports whether a slot of the status is still to be run.
func (s Status) Open() bool { return s != Covered && s != GivenUp && s != Vacant }

// Reason is why a part of a slot's window was not read. It complements the status.
type Reason uint8

// The reasons. Shards means that shards of indices did not answer.
const (
	NoReason Reason = iota
	Forbidden
	ClosedIndex
	Remote
	Shards
)

var reasonNames = [...]string{"", "forbidden", "closed", "remote", "shards"}

// String returns the name of the reason in output, "" for none.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return "unknown"
}

// ReasonOf returns the reason of a name, [NoReason] if there is none.
func ReasonOf(name string) Reason {
	for i, n := range reasonNames {
		if n == name {
			return Reason(i)
		}
	}
	return NoReason
}

// Entry is the record of one slot of a rule.
type Entry struct {
	Slot   time.Time
	Status Status
	// Attempts is how often the slot was tried, Fence the fencing number of the last attempt.
	Attempts, Fence int64
	// Read is the number of documents that the last attempt searched, Hits the number of its hits.
	Read, Hits int64
	// Created counts the alerts that the attempts have made, Duplicates those that others had made before. Suppressed are the hits that the last
	// attempt folded into alerts, Queued the hits beyond max_signals that are left for later.
	Created, Duplicates, Suppressed, Queued int64
	// Took is the duration of all attempts, with a precision of about a tenth.
	Took time.Duration
	// Ended is when the run ended; it shows how late the run was. A store may make it earlier: see [Entry.EndedBy].
	Ended time.Time
	// Reason is why a part of the window was not read.
	Reason Reason
	// Error is why the slot is not covered; "" when it is.
	Error string
}

// EndedBy returns the moment by which the run had ended, at the latest: an entry that was stored has the distance of Ended
// from the slot roughly. It is zero if Ended is.
func (e Entry) EndedBy() time.Time {
	if e.Ended.IsZero() {
		return e.Ended
	}
	late := max(0, e.Ended.Sub(e.Slot))
	return e.Ended.Add(late/8 + 2*time.Second)
}

// Day returns the day, in UTC, whose page contains the slot.
func Day(slot time.Time) time.Time { return slot.UTC().Truncate(24 * time.Hour) }
