//go:build testclock

package main

import (
	"os"
	"time"
)

// wrongClock returns the offset that is added to this machine's clock, which tests of the service set.
func wrongClock() time.Duration {
	wrong, err := time.ParseDuration(os.Getenv("TOCSIN_CLOCK_OFFSET"))
	if err != nil {
		return 0
	}
	return wrong
}
