package pipeline

// Written is the kind of data that an execution writes.
type Written string

// The kinds.
const (
	WrittenAlerts Written = "alerts"
	WrittenLedger Written = "ledger"
	// WrittenNotices are the notifications about alerts.
	WrittenNotices Written = "notifications"
)

// WriteError reports that alerts, or the account of an execution, could not be written: the window is not
// covered, and the destination has a problem.
type WriteError struct {
	What Written
	// Sought: what is there already could not be looked for. That others write there says nothing about it.
	Sought bool
	// Op says what was done for which rule.
	Op  string
	Err error
}

// Error names the rule, the data that was not written, and the cause.
func (e *WriteError) Error() string { return e.Op + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *WriteError) Unwrap() error { return e.Err }
