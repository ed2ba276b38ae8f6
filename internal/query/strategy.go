package query

import (
	"errors"
	"time"

	"tocsin/internal/scheduler/window"
)

// anyWindow stands for the windows of all runs: which one it is does not change what can be matched.
var anyWindow = window.Window{From: time.Unix(0, 0).UTC(), To: time.Unix(60, 0).UTC()}

var (
	errNoReads    = errors.New("its searches depend on each other")
	errSearchOnly = errors.New("its fields have other types elsewhere")
)

// Scannable returns nil when one read of the new events for all rules can answer what a prepared plan
// searches for; otherwise the error says what keeps it from that.
func Scannable(p Prepared) error {
	reader, ok := p.(Reader)
	if !ok {
		return errNoReads
	}
	reads := reader.Reads(anyWindow)
	if len(reads) == 0 {
		return errNoReads
	}
	for _, r := range reads {
		if r.SearchOnly {
			return errSearchOnly
		}
		if err := r.InMemory(); err != nil {
			return err //nolint:wrapcheck // it names the field
		}
	}
	return nil
}

// ExplainScan says in an explanation whether the plan takes part in scans, and why not.
func (e *Explanation) ExplainScan(p Prepared) {
	err := Scannable(p)
	e.Scan = err == nil
	if err != nil {
		e.WhyNotScan = err.Error()
	} else if e.Strategy == Search {
		e.Strategy = Scan
	}
}
