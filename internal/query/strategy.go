package query

import (
	"errors"
	"time"

	"tocsin/internal/scheduler/window"
)

// anyWindow is an arbitrary window: whether a search can be answered from memory does not depend on its window.
var anyWindow = window.Window{From: time.Unix(0, 0).UTC(), To: time.Unix(60, 0).UTC()}

var (
	errNoReads    = errors.New("its searches depend on each other")
	errSearchOnly = errors.New("its fields have other types elsewhere")
)

// Scannable returns nil if the shared scan of new events can answer the searches of a prepared plan; otherwise the error
// says why not.
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

// ExplainScan fills in whether the plan takes part in scans, or why not.
func (e *Explanation) ExplainScan(p Prepared) {
	err := Scannable(p)
	e.Scan = err == nil
	if err != nil {
		e.WhyNotScan = err.Error()
	} else if e.Strategy == Search {
		e.Strategy = Scan
	}
}
