package pipeline

// Written is what an execution writes.
type Written string

// What is written.
const (
	WrittenAlerts Written = "alerts"
	WrittenLedger Written = "ledger"
)

// WriteError is a failure to write alerts or the record of an execution. Its window is not covered.
type WriteError struct {
	What Written
	// Op names the rule.
	Op  string
	Err error
}

// Error returns what could not be written, of which rule, and why.
func (e *WriteError) Error() string { return e.Op + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *WriteError) Unwrap() error { return e.Err }
