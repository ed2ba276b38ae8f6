package pipeline

// Written is what an execution leaves behind.
type Written string

// What is written.
const (
	WrittenAlerts Written = "alerts"
	WrittenLedger Written = "ledger"
)

// WriteError is that alerts, or the account of an execution, could not be written: their window is not covered,
// and the place where they go is in trouble.
type WriteError struct {
	What Written
	// Op says of which rule.
	Op  string
	Err error
}

// Error says what of which rule was not written, and why.
func (e *WriteError) Error() string { return e.Op + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *WriteError) Unwrap() error { return e.Err }
