//go:build testclock

package main

import (
	"os"
	"time"
)

// wrongClock is what the tests of the service set: by how much this machine's clock is to be off.
func wrongClock() time.Duration {
	wrong, err := time.ParseDuration(os.Getenv("TOCSIN_CLOCK_OFFSET"))
	if err != nil {
		return 0
	}
	return wrong
}
